"""The step in which a champion is replaced. What is meant to happen is written down first, so that a crash is made good.

The order: the new folder lies in DVC's cache; `intent.json` tells all that follows; the folders are exchanged, and from then on
the new champion serves; champion.dvc, promotions.json and the report follow the folder; the intent is deleted. Whoever comes
next finds the intent, and does the rest if the folders were exchanged, or nothing if they were not.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dl_assets import files
from dl_assets.artifacts.report import read_json
from dl_assets.operations.promotion import history
from dl_assets.operations.promotion.folder import DECISION, REPORT
from dl_assets.orchestration import champion_store
from dl_assets.orchestration.champion_store import Stored


@dataclass(frozen=True)
class Place:
    """The folders of one pipeline that a promotion has to do with."""

    root: Path
    pipeline: str

    @property
    def folder(self) -> Path:
        return self.root / "data" / self.pipeline

    @property
    def champion(self) -> Path:
        return self.folder / "champion"

    @property
    def exported(self) -> Path:
        return self.folder / "exported"

    @property
    def new(self) -> Path:
        """Where the next champion is put together, and where the last one lies after the exchange."""
        return self._workspace / "new"

    @property
    def _workspace(self) -> Path:
        return self.root / "data" / ".tmp" / self.pipeline / "champion"

    @property
    def _aside(self) -> Path:
        return self._workspace / "aside"

    @property
    def _intent(self) -> Path:
        return self._workspace / "intent.json"

    def install(self, stored: Stored, entry: history.Entry) -> None:
        """Make the folder `new`, which is in DVC's cache, the champion."""
        intent = {"digest": _digest(self.new), "stored": asdict(stored), "entry": entry}
        files.replace_text(self._intent, json.dumps(intent))
        files.sync(self._workspace)
        self.exchange()
        self._complete(intent)

    def exchange(self) -> None:
        """Let the folder `new` serve, and nothing else follow: champion.dvc names it already, or an intent does."""
        files.swap(self.new, self.champion, self._aside)

    def recover(self) -> None:
        """Complete an exchange that a killed process has made, undo what it had only prepared, and clear up after it."""
        if self._aside.is_dir() and not self.champion.is_dir():  # killed between two renames: see files.swap
            self._aside.replace(self.champion)
        if self._intent.is_file():
            intent = read_json(self._intent)
            if self.champion.is_dir() and _digest(self.champion) == intent["digest"]:
                self._complete(intent)
        self._intent.unlink(missing_ok=True)
        self.clear()
        self.new.parent.mkdir(parents=True, exist_ok=True)

    def tell(self, decision: dict[str, Any]) -> None:
        """Write the latest decision where Git and Dagster find it."""
        path = self.folder / REPORT
        path.parent.mkdir(parents=True, exist_ok=True)
        files.replace_text(path, json.dumps(decision, indent=2, allow_nan=False, ensure_ascii=False) + "\n")

    def clear(self) -> None:
        """Delete what is of no more use; nothing while there is something to be completed."""
        if not self._intent.is_file():
            files.remove(self._workspace)

    def _complete(self, intent: dict[str, Any]) -> None:
        """Let everything else follow the folder; each step may have been done before."""
        champion_store.point(self.folder, Stored(**intent["stored"]))
        history.append(self.folder, intent["entry"])
        if intent["entry"]["action"] == history.PROMOTION:
            self.tell(read_json(self.champion / DECISION))
        self._intent.unlink(missing_ok=True)


def _digest(folder: Path) -> str:
    """Name a folder by all that is in it."""
    found = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        found.update(f"{path.relative_to(folder)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return found.hexdigest()
