"""Workspaces for the tests that run the whole product."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from workspace import Workspace, make_workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A fresh clone with a small digits pipeline; nothing has run."""
    made = make_workspace(tmp_path / "w")
    yield made
    for process in made.processes():
        process.kill()


@pytest.fixture(scope="session")
def _ran(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = make_workspace(tmp_path_factory.mktemp("ran") / "w")
    made.run("dl", "run", "digits", "--dagster")
    return made


@pytest.fixture
def ran(_ran: Workspace, tmp_path: Path) -> Iterator[Workspace]:
    """A copy of a workspace whose digits pipeline has run through its Dagster job."""
    shutil.copytree(_ran.root, tmp_path / "w", symlinks=True)
    made = Workspace(tmp_path / "w")
    yield made
    for process in made.processes():
        process.kill()
