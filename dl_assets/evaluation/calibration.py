"""What is fitted to the answers on val after training, before anything is measured on test."""

from dataclasses import dataclass, field
from typing import Any

import polars as pl

from dl_assets.config import Pipeline
from dl_assets.errors import ConfigError
from dl_assets.evaluation.panel import Panel

FILE = "calibration.json"


@dataclass(frozen=True)
class Calibration:
    """`fitted` is what calibration.json holds; `panels` tell of it in the report, `curves` are the data of their figures."""

    fitted: dict[str, Any] = field(default_factory=dict)
    panels: list[Panel] = field(default_factory=list)
    curves: dict[str, pl.DataFrame] = field(default_factory=dict)


def require_no_threshold(config: Pipeline, what: str) -> None:
    """Raise ConfigError where a threshold is asked for that there cannot be; `what` says why."""
    if config.evaluate.threshold != "none":
        raise ConfigError(
            f"{config.path}: evaluate.threshold is '{config.evaluate.threshold}', but {what}. "
            "Leave it away; it chooses between two classes."
        )
