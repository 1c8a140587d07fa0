"""The figures and the data of their curves, in folders of their own."""

from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl

from dl_assets.pages import style

PLOTS, CURVES = "plots", "curves"  # apart, because `dvc plots` would draw each CSV beside a PNG, whatever its columns
LEARNING_CURVE = "learning_curve"


def draw_figures(evaluation: ModuleType, test: pl.DataFrame, fitted: dict[str, Any], model: Path) -> dict[str, bytes]:
    """Return name -> PNG of all figures of the test part, and that of the training which the train stage drew."""
    figures = {name: style.png(figure) for name, figure in evaluation.figures(test, fitted).items()}
    return figures | {LEARNING_CURVE: (model / f"{LEARNING_CURVE}.png").read_bytes()}


def write_figures(figures: dict[str, bytes], out: Path) -> None:
    """Write each PNG into `out`/plots."""
    (out / PLOTS).mkdir(exist_ok=True)
    for name, png in figures.items():
        (out / PLOTS / f"{name}.png").write_bytes(png)


def write_curves(curves: dict[str, pl.DataFrame], out: Path) -> None:
    """Write each table into `out`/curves, by its file name."""
    (out / CURVES).mkdir(exist_ok=True)
    for file, curve in curves.items():
        curve.write_csv(out / CURVES / file)
