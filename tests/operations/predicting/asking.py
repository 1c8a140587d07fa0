"""How the tests of batch predictions ask, and what they ask about."""

from pathlib import Path
from typing import Any

import polars as pl
from operations.serving.champions import grey

from dl_assets.config import load_pipeline
from dl_assets.operations.predicting.run import predict_inputs


def photo(path: str, level: int) -> str:
    """Write a picture of one shade of grey, by which the model can be told right."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(grey(level))
    return path


def ask(*paths: str, out: str = "p.parquet", **options: Any) -> pl.DataFrame:
    predict_inputs(load_pipeline("pets"), paths, Path(), Path(out), **options)
    read = {".parquet": pl.read_parquet, ".csv": pl.read_csv, ".jsonl": pl.read_ndjson}[Path(out).suffix]
    return read(out)


def dogs(rows: pl.DataFrame) -> list[int]:
    """Return the shades of grey that the model has seen."""
    return [round(255 * value) for value in rows["probability_dog"]]
