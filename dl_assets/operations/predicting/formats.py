"""The files that predictions are written to; the ending of the name says which kind."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from dl_assets.errors import ConfigError

_PARQUET, _CSV, _LINES = (".parquet", ".pq"), (".csv",), (".jsonl", ".ndjson")
_ENDINGS = (*_PARQUET, *_CSV, *_LINES)


def kind_of(out: Path) -> str:
    return out.suffix.lower()


def require_format(out: Path) -> None:
    if kind_of(out) not in _ENDINGS:
        raise ConfigError(f"--out is {out}, but must end in one of {', '.join(_ENDINGS)}. Rename it.")


def require_columns(out: Path, columns: pl.DataFrame) -> None:
    """Raise ConfigError for what the file cannot hold: there is nothing but text and numbers in CSV."""
    for name, kind in columns.schema.items():
        if kind_of(out) in _CSV and (kind.is_nested() or kind == pl.Binary):
            raise ConfigError(f"the manifest's column '{name}' holds {kind}, which CSV cannot. Write --out {out.stem}.parquet")


def write(rows: pl.LazyFrame, out: Path, kind: str, metadata: Mapping[str, str]) -> None:
    """Write rows in their order, without holding all of them; only Parquet has metadata."""
    if kind in _CSV:
        rows.sink_csv(out, check_extension=False)
    elif kind in _PARQUET:
        rows.sink_parquet(out, metadata=dict(metadata))
    else:
        rows.sink_ndjson(out, check_extension=False)


def first_rows(out: Path, num_rows: int) -> pl.DataFrame:
    """Read the first rows of what was written, and not much more."""
    if kind_of(out) in _CSV:
        return pl.scan_csv(out, infer_schema=False).head(num_rows).collect()
    if kind_of(out) in _PARQUET:
        return pl.scan_parquet(out).head(num_rows).collect()
    return pl.scan_ndjson(out).head(num_rows).collect()
