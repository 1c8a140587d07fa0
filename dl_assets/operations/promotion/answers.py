"""The answers of one model for the test set, computed with ONNX Runtime and kept as long as neither of the two changes."""

import hashlib
import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from dl_assets import files, progress, registry
from dl_assets.artifacts.tables import write_parquet
from dl_assets.config import Pipeline
from dl_assets.errors import ArtifactError
from dl_assets.operations.predict import BATCH_SIZE, open_model
from dl_assets.operations.promotion.feeding import NotComparable, feeder, way_of
from dl_assets.operations.promotion.folder import Folder
from dl_assets.operations.promotion.samples import TestSet

_KEPT = 2  # the champion's and the challenger's
_REMEDY = "The model cannot be asked."


@dataclass(frozen=True)
class Answered:
    """Predictions with id, part, target and the answers; what the targets were fitted to; and how the model was asked."""

    predictions: pl.DataFrame
    fitted: dict[str, Any]
    way: str


def answer(model: Folder, config: Pipeline, folder: Path, test: TestSet, kept: Path) -> Answered:
    """Ask the model about the test set, or take the answers of the last time from `kept`. Raises NotComparable."""
    try:
        if registry.find("tasks", model.signature["task"]).targets != config.task.targets:
            raise NotComparable(f"it was made for the task {model.signature['task']}, which is {config.task_name} now")
        way = way_of(model.signature["input"], config, folder, test.samples)
        place = kept / f"{_key(model, test, way)}.parquet"
        predictions = pl.read_parquet(place) if place.is_file() else _ask(model, way, folder, test, place)
    except (KeyError, ArtifactError) as error:
        raise NotComparable(f"it cannot be asked: {error}") from error
    return Answered(predictions, model.fitted, way)


def _key(model: Folder, test: TestSet, way: str) -> str:
    parts = [model.sha256, model.signature, test.hash, way, version("onnxruntime")]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


def _ask(model: Folder, way: str, folder: Path, test: TestSet, place: Path) -> pl.DataFrame:
    exported = open_model(model.path, _REMEDY)
    feed = feeder(way, exported, folder, test.samples)
    answers = []
    for start in range(0, len(test.samples), BATCH_SIZE):
        batch = np.arange(start, min(start + BATCH_SIZE, len(test.samples)))
        answers.append(exported.ask(feed(batch)))
        progress.emit("progress", done=int(batch[-1]) + 1, total=len(test.samples))
    frame: pl.DataFrame = exported.targets.predictions(np.concatenate(answers), exported.fitted)
    predictions = test.samples.select("id", "part", "target").hstack(frame)
    _keep(predictions, place)
    return predictions


def _keep(predictions: pl.DataFrame, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = place.with_suffix(".tmp")
    write_parquet(temporary, predictions)
    temporary.replace(place)
    for old in sorted(place.parent.iterdir(), key=lambda path: path.stat().st_mtime)[:-_KEPT]:
        files.remove(old)
