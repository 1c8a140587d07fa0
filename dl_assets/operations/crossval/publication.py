"""What a cross-validation leaves: numbers, out-of-fold predictions, figures and a page."""

from pathlib import Path
from typing import Any

import polars as pl

from dl_assets import registry
from dl_assets.artifacts.report import write_json
from dl_assets.artifacts.tables import PREDICTIONS, write_table
from dl_assets.config import Pipeline
from dl_assets.operations.crossval.figures import fold_values, learning_curves
from dl_assets.operations.crossval.page import render
from dl_assets.operations.crossval.places import PAGE, RESULT
from dl_assets.operations.crossval.summary import CONFIDENCE, METHOD, SOURCE, summarise
from dl_assets.operations.crossval.training import read_fold
from dl_assets.pages import style


def write_result(config: Pipeline, found: list[Path], *, num_test: int, key: str, out: Path) -> None:
    """Write everything of data/<name>/crossval/ into `out`; `found` are the folders of the folds, in their order."""
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
