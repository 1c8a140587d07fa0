"""The tables between stages, each with the pandera schema that both its writer and its readers are held to."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandera.polars as pa
import polars as pl

from dl_assets.errors import ArtifactError

PARTS = ("train", "val", "test")
_SHOWN_CASES = 10
_CHUNK, _ROW_GROUP = 2048, 16_384  # rows; both bound what is in memory beside the table

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
    "mislabelled",
    "odd",
    "outlier",
    "relabelled",
)


@dataclass(frozen=True)
class Table:
    """A table on disk: its file name inside the artifact's folder, and its schema."""

    file: str
    schema: pa.DataFrameSchema


def _table(file: str, columns: dict[str, pa.Column], *, one_row_a_sample: bool = True) -> Table:
    # strict=False: a source or a task may add columns of its own (width, height, a slice to evaluate by).
    return Table(file, pa.DataFrameSchema({"id": pa.Column(pl.String, unique=one_row_a_sample), **columns}, strict=False))


def _whole(**options: Any) -> pa.Column:
    return pa.Column(pl.Int64, pa.Check.ge(0), **options)


def _given() -> dict[str, pa.Column]:
    """What a source may know of a sample beside its target."""
    return {
        "group": pa.Column(pl.String, nullable=True),
        "time": pa.Column(pl.Datetime("us"), nullable=True),
        "part": pa.Column(pl.String, pa.Check.isin(PARTS), nullable=True),
    }


# A class is told by its name, a number as it is. The target stays text, as the source has it.
_text_or_number = pa.Check(
    lambda data: data.lazyframe.collect_schema()[data.key] in (pl.String, pl.Float64), error="text, or numbers of 64 bits"
)

RAW_SAMPLES = _table(
    "samples.parquet",
    {
        "target": pa.Column(pl.String, nullable=True),
        **_given(),
        "origin": pa.Column(pl.String, unique=True),
        "content": pa.Column(pl.String),
        "shard": _whole(nullable=True),
        "offset": _whole(nullable=True),
        "size_bytes": _whole(),
        "location": pa.Column(pl.String, nullable=True),
        "problem": pa.Column(pl.String, nullable=True),
    },
)
CLEAN_SAMPLES = _table(
    "samples.parquet",
    {
        "target": pa.Column(pl.String),
        **_given(),
        "origin": pa.Column(pl.String, unique=True),
        "digest": pa.Column(pl.String),
        "cluster": pa.Column(pl.String),
        "shard": _whole(),
        "row": _whole(),
    },
)
_FINDINGS = {
    "origin": pa.Column(pl.String),
    "reason": pa.Column(pl.String, pa.Check.isin(REASONS)),
    "detail": pa.Column(pl.String),
}
REJECTED = _table("rejected.parquet", _FINDINGS)
FLAGGED = _table("flagged.parquet", _FINDINGS, one_row_a_sample=False)
PARTS_TABLE = _table(
    "parts.parquet",
    {
        "part": pa.Column(pl.String, pa.Check.isin(PARTS)),
        "fold": pa.Column(pl.Int64, nullable=True),
    },
)
COPIES = _table(
    "copies.parquet",
    {"of": pa.Column(pl.String), "target": pa.Column(pl.String), "shard": _whole(), "row": _whole()},
)
_ANSWERS = {
    "part": pa.Column(pl.String, pa.Check.isin(PARTS)),
    "target": pa.Column(pl.String),
    "prediction": pa.Column(None, _text_or_number),
}
PREDICTIONS = _table("predictions.parquet", _ANSWERS)
ERRORS = _table("errors.parquet", _ANSWERS)


class Rows:
    """Collects the rows of a table one by one, in little memory: a tuple takes ten times the room of a row."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self._schema = schema
        self._rows: list[tuple[Any, ...]] = []
        self._chunks: list[pl.DataFrame] = []
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, row: tuple[Any, ...]) -> None:
        self._rows.append(row)
        self._count += 1
        if len(self._rows) == _CHUNK:
            self._flush()

    def table(self) -> pl.DataFrame:
        self._flush()
        return pl.concat(self._chunks)

    def _flush(self) -> None:
        columns = zip(*self._rows, strict=True) if self._rows else ((),) * len(self._schema)  # half the time
        self._chunks.append(pl.DataFrame(dict(zip(self._schema, columns, strict=True)), schema=self._schema))
        self._rows = []


def write_table(table: Table, folder: Path, frame: pl.DataFrame) -> None:
    """Check `frame` against the schema and write it. Raises ArtifactError that shows the failing cells."""
    _check(table, frame, folder / table.file)
    write_parquet(folder / table.file, frame)


def write_parquet(path: Path, frame: pl.DataFrame, compression: Literal["zstd", "uncompressed"] = "zstd") -> None:
    """Write a table. Raises OSError where the disk is full or may not be written, which polars calls a ComputeError."""
    level = 1 if compression == "zstd" else None  # half the time of the default, and no larger: hashes do not compress
    try:
        frame.write_parquet(path, compression=compression, compression_level=level, row_group_size=_ROW_GROUP)
    except pl.exceptions.ComputeError as error:
        number = re.search(r"\(os error (\d+)\)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1]))) from error


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


def read_parted(clean: Path, parts: Path) -> pl.DataFrame:
    """Read the clean samples with the part and fold that split gave them; a part that the source gave has done its work."""
    samples = read_table(CLEAN_SAMPLES, clean).drop("part")
    return samples.join(read_table(PARTS_TABLE, parts), on="id", how="inner", maintain_order="left", validate="1:1")


def empty(table: Table) -> pl.DataFrame:
    """Return a table of no rows with the right columns."""
    return pl.DataFrame(schema={name: column.dtype.type for name, column in table.schema.columns.items()})


def _check(table: Table, frame: pl.DataFrame, path: Path) -> None:
    try:
        table.schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases
        rows = "".join(f"\n  {_case(frame, case)}" for case in cases.head(_SHOWN_CASES).iter_rows(named=True))
        more = f"\n  and {len(cases) - _SHOWN_CASES} more" if len(cases) > _SHOWN_CASES else ""
        raise ArtifactError(f"{path} breaks its schema in {len(cases)} places:{rows}{more}") from None


def _case(frame: pl.DataFrame, case: dict[str, Any]) -> str:
    """Say which sample, which column, what was found and what was asked for."""
    row, column = case["index"], case["column"]
    name = f"sample {frame['id'][row]} (row {row}), " if row is not None and "id" in frame.columns else ""
    return f"{name}{column}: {case['failure_case']!r} does not satisfy {case['check']}"
