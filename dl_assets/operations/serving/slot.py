"""The place of a model that may be replaced while it serves."""

from collections.abc import Callable
from pathlib import Path

from dl_assets.operations.promotion.folder import mark_of
from dl_assets.operations.serving.model import Model, open_certified


class Slot:
    """Holds the model of a folder; `refresh` takes a new one that was put there, and never one that does not work."""

    def __init__(self, name: str, folder: Path, remedy: str, tell: Callable[[str], None], *, int8: bool = False) -> None:
        self._name, self._folder, self._remedy, self._tell, self._int8 = name, folder, remedy, tell, int8
        self._seen = mark_of(folder)
        self.model: Model | None = None
        self.num_refused = 0

    def open(self) -> Model:
        """Open what is there now. Raises ArtifactError."""
        self._seen = mark_of(self._folder)
        self.model = self._open()
        return self.model

    def refresh(self) -> bool:
        """Take what is new in the folder; say whether there was something. A folder that is away for a moment is no news."""
        found = mark_of(self._folder)
        if found is None or found == self._seen:
            return False
        self._seen = found
        try:
            model = self._open()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a new model, the old one serves on
            self._refuse(str(error), found)
            return False
        self._tell(f"{self._name}: {self.model.called if self.model else 'none'} -> {model.called}")
        self.model = model
        return True

    def _open(self) -> Model:
        return open_certified(self._folder, self._remedy, int8=self._int8)

    def _refuse(self, why: str, seen: object) -> None:
        if mark_of(self._folder) != seen:  # it is being replaced: the next look tells
            return
        self.num_refused += 1
        kept = f"{self.model.version} serves on" if self.model else "there is none yet"
        self._tell(f"{self._name}: a new model is refused, {kept}. {why}")
