"""The tables between stages, each with the pandera schema that both its writer and its readers are held to."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandera.polars as pa
import polars as pl

from dl_assets.errors import ArtifactError

PARTS = ("train", "val", "test")

REASONS = (
    "unreadable",
    "truncated",
    "too_small",
    "aspect_ratio",
    "uniform",
    "exposure",
    "blurred",
    "exact_duplicate",
    "near_duplicate",
    "label_conflict",
    "no_label",
    "schema",
)


@dataclass(frozen=True)
class Table:
    """A table on disk: its file name inside the artifact's folder, and its schema."""

    file: str
    schema: pa.DataFrameSchema


def _table(file: str, columns: dict[str, pa.Column]) -> Table:
    # strict=False: a source or a task may add columns of its own (width, height, a slice to evaluate by).
    return Table(file, pa.DataFrameSchema({"id": pa.Column(pl.String, unique=True), **columns}, strict=False))


def _whole(**options: Any) -> pa.Column:
    return pa.Column(pl.Int64, pa.Check.ge(0), **options)


RAW_SAMPLES = _table(
    "samples.parquet",
    {
        "target": pa.Column(pl.String, nullable=True),
        "group": pa.Column(pl.String, nullable=True),
        "origin": pa.Column(pl.String, unique=True),
        "shard": _whole(),
        "offset": _whole(),
        "size_bytes": _whole(),
    },
)
CLEAN_SAMPLES = _table(
    "samples.parquet",
    {
        "target": pa.Column(pl.String),
        "group": pa.Column(pl.String, nullable=True),
        "origin": pa.Column(pl.String, unique=True),
        "digest": pa.Column(pl.String),
        "shard": _whole(),
        "row": _whole(),
    },
)
REJECTED = _table(
    "rejected.parquet",
    {
        "origin": pa.Column(pl.String),
        "reason": pa.Column(pl.String, pa.Check.isin(REASONS)),
        "detail": pa.Column(pl.String),
    },
)
PARTS_TABLE = _table(
    "parts.parquet",
    {
        "part": pa.Column(pl.String, pa.Check.isin(PARTS)),
        "fold": pa.Column(pl.Int64, nullable=True),
    },
)
PREDICTIONS = _table(
    "predictions.parquet",
    {
        "part": pa.Column(pl.String, pa.Check.isin(PARTS)),
        "target": pa.Column(pl.String),
        "prediction": pa.Column(pl.String),
    },
)
ERRORS = _table(
    "errors.parquet",
    {
        "part": pa.Column(pl.String, pa.Check.isin(PARTS)),
        "target": pa.Column(pl.String),
        "prediction": pa.Column(pl.String),
    },
)


def write_table(table: Table, folder: Path, frame: pl.DataFrame) -> None:
    """Check `frame` against the schema and write it. Raises ArtifactError that shows the failing cells."""
    _check(table, frame, folder / table.file)
    frame.write_parquet(folder / table.file)


def read_table(table: Table, folder: Path) -> pl.DataFrame:
    """Read a table and check it. Raises ArtifactError where it is missing, unreadable or off its schema."""
    path = folder / table.file
    if not path.is_file():
        raise ArtifactError(f"{path} does not exist. Run the stage that writes it: dl run {folder.parent.name}.")
    try:
        frame = pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ArtifactError(f"{path} cannot be read as Parquet ({error}). Delete it and run the stage again.") from error
    _check(table, frame, path)
    return frame


def empty(table: Table) -> pl.DataFrame:
    """Return a table of no rows with the right columns."""
    return pl.DataFrame(schema={name: column.dtype.type for name, column in table.schema.columns.items()})


def _check(table: Table, frame: pl.DataFrame, path: Path) -> None:
    try:
        table.schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases.select("column", "check", "failure_case").head(10)
        rows = "; ".join(f"{column}: {check} (found {case})" for column, check, case in cases.iter_rows())
        raise ArtifactError(f"{path} breaks its schema in {len(error.failure_cases)} places: {rows}.") from None
