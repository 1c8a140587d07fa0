"""A pipeline for tables in a folder of its own, whose stages are called one after the other, as the runner does."""

from pathlib import Path
from typing import Any

from dl_assets import files
from dl_assets.artifacts.memo import Memo
from dl_assets.artifacts.report import Report, read_json, write_json, write_report
from dl_assets.config import Pipeline
from dl_assets.stages.augment import augment
from dl_assets.stages.clean import clean
from dl_assets.stages.evaluate import evaluate
from dl_assets.stages.export import export
from dl_assets.stages.ingest import ingest
from dl_assets.stages.split import split
from dl_assets.stages.train import train

QUICK = {"hidden": [16], "bins": 8}
TRAIN = {"epochs": 6, "batch_size": 32, "learning_rate": 0.01, "accelerator": "cpu"}


class Chain:
    """The artifacts of one pipeline in `root`/data/<name>."""

    def __init__(self, root: Path, task: str, source: dict[str, Any], **sections: Any) -> None:
        self.root, self.folder = root, root / "data" / "people"
        self.folder.mkdir(parents=True)
        document = {"task": task, "source": source, "clean": {}, "split": {}, "augment": [], "evaluate": {}, "export": {}}
        document |= {"model": {"name": "fnn", **QUICK}, "train": TRAIN, "schedule": {}, **sections}
        self.config = Pipeline(Path("pipelines/people.yaml"), document)
        (root / "pipelines").mkdir()
        write_json(root / "pipelines/people.yaml", document)  # JSON is YAML

    def run(self, *until: str) -> dict[str, Report]:
        """Run all stages, or those up to one of them; return their reports."""
        found = {}
        for stage in (self.ingest, self.clean, self.split, self.augment, self.train, self.evaluate, self.export):
            found[stage.__name__] = stage()
            write_report(self._place("reports") / f"{stage.__name__}.json", found[stage.__name__], 0.0)
            if stage.__name__ in until:
                break
        return found

    def ingest(self) -> Report:
        return ingest(self.config, memo=self._memo("raw"), out=self._new("raw"))

    def clean(self) -> Report:
        pages = self._place("reports") / "clean"
        pages.mkdir(exist_ok=True)
        return clean(self.config, raw=self.folder / "raw", memo=self._memo("clean"), out=self._new("clean"), pages=pages)

    def split(self) -> Report:
        return split(self.config, clean=self.folder / "clean", before=None, out=self._new("parts"))

    def augment(self) -> Report:
        return augment(self.config, **self._read("clean", "parts"), out=self._new("augmented"))

    def train(self) -> Report:
        kept = {name: self.folder / name for name in ("checkpoints", "logs")}
        return train(self.config, **self._read("clean", "parts", "augmented"), **kept, out=self._new("model"))

    def evaluate(self) -> Report:
        return evaluate(self.config, **self._read("clean", "parts", "model"), out=self._new("evaluation"))

    def export(self) -> Report:
        return export(self.config, **self._read("clean", "parts", "model", "evaluation"), out=self._new("exported"))

    def json(self, name: str) -> Any:
        return read_json(self.folder / name)

    def _read(self, *names: str) -> dict[str, Path]:
        return {name: self.folder / name for name in names}

    def _place(self, name: str) -> Path:
        (self.folder / name).mkdir(exist_ok=True)
        return self.folder / name

    def _new(self, name: str) -> Path:
        files.remove(self.folder / name)
        return self._place(name)

    def _memo(self, name: str) -> Memo:
        kept = self.folder / f"{name}.memo"
        files.remove(kept)
        return Memo((self.folder / f"{name}.last",), kept, kept.with_suffix(".new"))
