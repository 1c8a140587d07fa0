"""One fold of a cross-validation: everything is fitted on its train samples, and measured on those that it holds out."""

import os
import time
from pathlib import Path
from typing import Any

import polars as pl

from dl_assets import files, progress, registry
from dl_assets.artifacts.report import read_json, write_json
from dl_assets.artifacts.tables import PREDICTIONS, read_table, write_table
from dl_assets.config import Pipeline
from dl_assets.evaluation.answering import answer
from dl_assets.inference.network import PREPROCESSING, load_network
from dl_assets.operations.crossval.folds import with_roles
from dl_assets.operations.crossval.places import address
from dl_assets.stages.augment import write_policy
from dl_assets.training.fit import fit

NUMBERS, HISTORY = "fold.json", "history.csv"


def train_fold(config: Pipeline, samples: pl.DataFrame, fold: int, num_folds: int, *, clean: Path, state: Path) -> Path:
    """Return the folder of what the fold found: fold.json, predictions.parquet, history.csv. Its model is not kept.

    The folder appears when everything is in it; a fold that was finished earlier is not trained again, and a training that
    was killed goes on from its checkpoint.
    """
    os.environ[progress.ADDRESS] = address(config.name, fold)
    found = state / f"fold-{fold}"
    if found.is_dir():
        progress.emit("stage", state="unchanged")
        return found
    progress.emit("stage", state="running")
    work, checkpoints = state / f"fold-{fold}.work", state / f"fold-{fold}.checkpoints"
    files.remove(work)
    for name in ("augmented", "model", "found"):
        (work / name).mkdir(parents=True)
    _train(config, samples, fold, num_folds, clean=clean, work=work, checkpoints=checkpoints)
    files.publish(work / "found", found, work / "old")
    files.remove(work)
    files.remove(checkpoints)
    progress.emit("stage", state="done")
    return found


def read_fold(found: Path) -> tuple[dict[str, Any], pl.DataFrame, pl.DataFrame]:
    """Return what `train_fold` left: its numbers, the predictions, and how the training went epoch by epoch."""
    return read_json(found / NUMBERS), read_table(PREDICTIONS, found), pl.read_csv(found / HISTORY)


def _train(
    config: Pipeline, samples: pl.DataFrame, fold: int, num_folds: int, *, clean: Path, work: Path, checkpoints: Path
) -> None:
    started = time.monotonic()
    augmented, model = work / "augmented", work / "model"
    parted = with_roles(samples, fold, num_folds)
    write_policy(config, parted.filter(part="train"), clean=clean, out=augmented)  # copies are of this fold's train samples
    report = fit(config, samples=parted, clean=clean, augmented=augmented, out=model, checkpoints=checkpoints)
    fitted = read_json(model / PREPROCESSING)["targets"]
    predictions = _predict(config, parted, fitted, clean=clean, model=model).join(
        samples.select("id", "part", "fold"), on="id", how="left", maintain_order="left"
    )
    predictions = predictions.select("id", "part", "fold", pl.exclude("id", "part", "fold"))
    write_table(PREDICTIONS, work / "found", predictions)
    (model / HISTORY).replace(work / "found" / HISTORY)
    write_json(
        work / "found" / NUMBERS,
        {
            "fold": fold,
            "counts": {"train": report.counts["train"], "val": report.counts["val"], "measured": len(predictions)},
            "best_epoch": int(report.numbers["best_epoch"]),
            "epochs": int(report.numbers["epochs"]),
            "seconds": round(time.monotonic() - started, 2),
            "metrics": _measure(config, predictions, fitted),
        },
    )


def _predict(config: Pipeline, parted: pl.DataFrame, fitted: dict[str, Any], *, clean: Path, model: Path) -> pl.DataFrame:
    """Return id, target and answer of what the fold holds out; answers are calibrated on the fold's val samples."""
    asked = parted.filter(pl.col("part") != "train")
    predictions = answer(config, load_network(model), asked, clean=clean, fitted=fitted).predictions
    return predictions.filter(part="test").drop("part")


def _measure(config: Pipeline, predictions: pl.DataFrame, fitted: dict[str, Any]) -> dict[str, Any]:
    """Return metric -> value, and the same per class under `classes`. The folds give the interval, so no bootstrap does."""
    metrics = registry.module("evaluation", config.task.targets).metrics(predictions, fitted, bootstrap_samples=1, seed=0)
    values = {name: entry["value"] for name, entry in metrics.items() if name != "classes"}
    classes = {
        name: {metric: entry["value"] for metric, entry in entries.items()}
        for name, entries in metrics.get("classes", {}).items()
    }
    return {**values, "classes": classes}
