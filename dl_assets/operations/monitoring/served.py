"""The model that serves, what its predictions are marked with, and the samples that they are held against."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from dl_assets.artifacts.report import read_json
from dl_assets.config import Pipeline
from dl_assets.errors import ConfigError
from dl_assets.operations.predict import Exported
from dl_assets.operations.predicting.chosen import choose_model
from dl_assets.operations.promotion.folder import CERTIFICATE, INT8

REFERENCE = "reference.parquet"


@dataclass(frozen=True)
class Served:
    """`models` are the sha256 by which its answers are known in the log; the first is that of model.onnx."""

    exported: Exported
    models: list[str]
    reference: pl.DataFrame

    @property
    def tested(self) -> pl.DataFrame:
        """The samples by which its quality was told; val has chosen it, and would flatter it."""
        return self.reference.with_row_index("id").filter(pl.col("part") == "test")


def find_served(config: Pipeline, root: Path) -> Served:
    """Open the champion, else the exported model. Raises ArtifactError, or ConfigError without a reference."""
    chosen = choose_model(config, root)
    folder = root / "data" / config.name / ("champion" if chosen.role == "champion" else "exported")
    if not (folder / REFERENCE).is_file():
        raise ConfigError(
            f"{folder / REFERENCE} does not exist: the model was exported before there was one. "
            f"Run: dl run {config.name}; then, where a champion serves: dl promote {config.name}"
        )
    files = read_json(folder / CERTIFICATE).get("files", {})
    models = [chosen.sha256, *(files[name] for name in (INT8,) if name in files)]
    return Served(chosen.exported, models, pl.read_parquet(folder / REFERENCE))
