"""Fit the model on the train part, choose the best epoch on val."""

from pathlib import Path

from dl_assets.artifacts.report import Report
from dl_assets.artifacts.tables import read_parted
from dl_assets.config import Pipeline
from dl_assets.training.fit import fit


def train(config: Pipeline, *, clean: Path, parts: Path, augmented: Path, checkpoints: Path, logs: Path, out: Path) -> Report:
    """Train one model and leave it in `out` with its preprocessing, history and card."""
    samples = read_parted(clean, parts)
    return fit(config, samples=samples, clean=clean, augmented=augmented, out=out, checkpoints=checkpoints, logs=logs)
