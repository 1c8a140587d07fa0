"""Which model answers: the champion, or where there is none the exported one."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dl_assets import __version__
from dl_assets.artifacts.report import read_json
from dl_assets.config import Pipeline
from dl_assets.errors import ArtifactError
from dl_assets.operations.predict import Exported, open_exported, open_model
from dl_assets.operations.promotion.folder import CERTIFICATE, MODEL, SIGNATURE, mark_of, sha256_of

_VERSION = 12  # digits of the hash by which a person tells models apart


@dataclass(frozen=True)
class Chosen:
    """A model that answers, and what names it; `key` changes whenever its answers may."""

    exported: Exported
    role: str
    sha256: str
    key: str

    def __str__(self) -> str:
        return f"the {self.role} {self.sha256[:_VERSION]}"


def choose_model(config: Pipeline, root: Path, *, challenger: bool = False) -> Chosen:
    """Open the champion; the exported model where that is asked for, or where nothing was promoted yet.

    Raises ArtifactError where the model is missing, broken, or not the certified one.
    """
    folder, name = root / "data" / config.name, config.name
    if (folder / "champion").is_dir() and not challenger:
        remedy = f"Promote a model: dl promote {name}. To ask the exported one: dl predict {name} --challenger"
        return _opened(folder / "champion", "champion", lambda: open_model(folder / "champion", remedy), remedy)
    if "promote" in config.document and not challenger:
        print(f"NOTE: {name} has no champion yet, so the exported model answers. See: dl promote {name}", file=sys.stderr)
    return _opened(folder / "exported", "exported model", lambda: open_exported(config, root), f"Run: dl run {name}")


def _opened(folder: Path, role: str, opening: Callable[[], Exported], remedy: str) -> Chosen:
    before, exported = mark_of(folder), opening()
    sha256 = sha256_of(folder / MODEL)
    certified = read_json(folder / CERTIFICATE)["sha256"] if (folder / CERTIFICATE).is_file() else sha256
    if certified != sha256:
        raise ArtifactError(
            f"{folder / MODEL} is not the file that {CERTIFICATE} beside it vouches for: its sha256 is {sha256[:16]}..., "
            f"certified is {certified[:16]}... {remedy}"
        )
    if mark_of(folder) != before:  # else the hash might be that of another model
        raise ArtifactError(f"{folder} was replaced while it was read. Run the command again.")
    return Chosen(exported, role, sha256, f"{__version__} {sha256} {sha256_of(folder / SIGNATURE)}")
