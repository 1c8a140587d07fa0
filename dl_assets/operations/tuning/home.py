"""Where one study lies: what lasts beside the pipeline's artifacts, what is scratch in data/.tmp.

No DVC out: no stage reads it. What it found goes into the pipeline file, and that is versioned.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dl_assets.artifacts.report import read_json
from dl_assets.config import PIPELINES, Pipeline
from dl_assets.files import replace_text

_STUDY = "study.json"


@dataclass(frozen=True)
class Home:
    """`key` names the study among those of the pipeline."""

    root: Path
    pipeline: str
    key: str

    @property
    def studies(self) -> Path:
        return self.root / "data" / self.pipeline / "tune"

    @property
    def folder(self) -> Path:
        return self.studies / self.key

    @property
    def scratch(self) -> Path:
        return self.root / "data" / ".tmp" / self.pipeline / "tune" / self.key

    @property
    def journal(self) -> Path:
        return self.folder / "journal.log"

    @property
    def policies(self) -> Path:
        """What the augment stage makes of each policy that is tried; may be large, so it lasts no longer than a search."""
        return self.scratch / "augmented"

    def artifact(self, name: str) -> Path:
        return self.root / "data" / self.pipeline / name

    def write(self, document: dict[str, Any], parts: dict[str, str]) -> None:
        """Keep the pipeline as it is searched, so that an edit of the file in the meantime changes no trial."""
        self.policies.mkdir(parents=True, exist_ok=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        replace_text(self.folder / _STUDY, json.dumps({"document": document, "key": parts}, indent=2, default=str) + "\n")

    def read(self) -> Pipeline:
        return Pipeline(PIPELINES / f"{self.pipeline}.yaml", read_json(self.folder / _STUDY)["document"])

    def parts_of_key(self) -> dict[str, str]:
        parts: dict[str, str] = read_json(self.folder / _STUDY)["key"]
        return parts

    def others(self) -> list["Home"]:
        """Return the other studies of the pipeline, the one that was worked on last first."""
        found = [path.parent for path in self.studies.glob(f"*/{_STUDY}") if path.parent.name != self.key]
        found.sort(key=lambda folder: (folder / _STUDY).stat().st_mtime, reverse=True)
        return [Home(self.root, self.pipeline, folder.name) for folder in found]
