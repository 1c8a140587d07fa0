"""Fit the model on the train part, choose the best epoch on val."""

from pathlib import Path

from dl_assets.artifacts.report import Report, read_json
from dl_assets.artifacts.tables import CLEAN_SAMPLES, PARTS_TABLE, read_table
from dl_assets.config import Pipeline
from dl_assets.training.fit import fit


def train(config: Pipeline, *, clean: Path, parts: Path, augmented: Path, out: Path) -> Report:
    """Train one model and leave it in `out` with its preprocessing, history and card."""
    samples = read_table(CLEAN_SAMPLES, clean).join(read_table(PARTS_TABLE, parts), on="id", how="inner", maintain_order="left")
    policy = read_json(augmented / "policy.json")
    return fit(config, samples=samples, clean=clean, policy=policy, out=out)
