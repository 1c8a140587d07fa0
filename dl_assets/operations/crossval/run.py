"""All folds of a cross-validation, one after another, and their publication."""

import os
from pathlib import Path
from typing import Any

import polars as pl

from dl_assets import files, progress, registry
from dl_assets.artifacts.report import read_json, write_json
from dl_assets.artifacts.tables import PARTS_TABLE, PREDICTIONS, read_table, write_table
from dl_assets.config import Pipeline
from dl_assets.errors import ArtifactError
from dl_assets.operations.crossval.figures import fold_values, learning_curves
from dl_assets.operations.crossval.folds import choose_folds
from dl_assets.operations.crossval.page import render
from dl_assets.operations.crossval.places import NAME, PAGE, RESULT, address
from dl_assets.operations.crossval.summary import CONFIDENCE, METHOD, SOURCE, summarise
from dl_assets.operations.crossval.training import read_fold, train_fold
from dl_assets.pages import style
from dl_assets.runner import DATA, locked, writable


def crossval(config: Pipeline, num_folds: int, key: str) -> None:
    """Train and measure fold after fold in the working directory, and publish data/<name>/crossval/.

    `key` stands for data, code and options: under the same key a killed run goes on where it was, and a finished one is not
    repeated; what another key left unfinished is deleted. A second run of the same pipeline waits for the first.
    """
    folder, state = DATA / config.name / NAME, DATA / ".tmp" / config.name / NAME / key
    clean, parts = DATA / config.name / "clean", DATA / config.name / "parts"
    os.environ[progress.ADDRESS] = address(config.name, 0)
    with writable(DATA / config.name), locked(DATA / ".tmp" / f"{config.name}.{NAME}.lock"):
        if _is_done(folder, key):
            for fold in range(num_folds):
                progress.emit("stage", address=address(config.name, fold), state="unchanged")
            return
        samples = choose_folds(config, num_folds, clean=clean, parts=parts)
        _forget_others(state)
        found = [train_fold(config, samples, fold, num_folds, clean=clean, state=state) for fold in range(num_folds)]
        out = state / "published"
        files.remove(out)
        _write(config, found, num_test=read_table(PARTS_TABLE, parts).filter(part="test").height, key=key, out=out)
        files.publish(out, folder, state / "old")
        files.remove(state.parent)


def _is_done(folder: Path, key: str) -> bool:
    try:
        return bool(read_json(folder / RESULT)["key"] == key) and all(
            (folder / name).is_file() for name in (PAGE, PREDICTIONS.file)
        )
    except (ArtifactError, KeyError):
        return False


def _forget_others(state: Path) -> None:
    state.mkdir(parents=True, exist_ok=True)
    for other in state.parent.iterdir():
        if other != state:
            files.remove(other)


def _write(config: Pipeline, found: list[Path], *, num_test: int, key: str, out: Path) -> None:
    folds, predictions, histories = zip(*map(read_fold, found), strict=True)
    headline = registry.module("evaluation", config.task.targets).HEADLINE
    together = pl.concat(predictions).sort("id")
    metrics = summarise(folds)
    result: dict[str, Any] = {
        "pipeline": config.name,
        "task": config.task_name,
        "folds": len(folds),
        "counts": {"samples": len(together), "test": num_test},
        "metrics": metrics,
        "interval": {"confidence": CONFIDENCE, "method": METHOD, "source": SOURCE},
        "each": folds,
        "key": key,
    }
    figures = {
        "fold_values": style.png(fold_values(folds, metrics, headline)),
        "learning_curves": style.png(learning_curves(folds, histories)),
    }
    (out / "plots").mkdir(parents=True)
    for name, png in figures.items():
        (out / "plots" / f"{name}.png").write_bytes(png)
    write_table(PREDICTIONS, out, together)
    write_json(out / RESULT, result)
    (out / PAGE).write_text(render(result, headline, figures), encoding="utf-8")
