"""A model trained once for all tests here, in the folder of a pipeline that the runner knows."""

from pathlib import Path

import pytest
import trained
from trained import read_from, with_export

from dl_assets.artifacts.report import Report
from dl_assets.stages.export import export


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("project") / "data" / "tiny"
    folder.mkdir(parents=True)
    return trained.make(folder)


@pytest.fixture(scope="session")
def reported(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Report]:
    """What was exported of it with all that can be asked for, and what the stage reports."""
    out = tmp_path_factory.mktemp("shipped") / "data" / "tiny" / "exported"
    out.mkdir(parents=True)
    return out, export(with_export(resize=True, int8=True), **read_from(folders), out=out)


@pytest.fixture(scope="session")
def exported(reported: tuple[Path, Report]) -> Path:
    return reported[0]
