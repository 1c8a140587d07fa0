"""The files that predictions are written to; the ending of the name says which kind."""

from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl

from dl_assets.errors import ConfigError

_Scan = Callable[[Path], pl.LazyFrame]
_SCANS: dict[str, _Scan] = {
    ".parquet": pl.scan_parquet,
    ".pq": pl.scan_parquet,
    ".csv": lambda path: pl.scan_csv(path, infer_schema_length=None),
    ".jsonl": lambda path: pl.scan_ndjson(path, infer_schema_length=None),
    ".ndjson": lambda path: pl.scan_ndjson(path, infer_schema_length=None),
}
_CSV = ".csv"


def require_format(out: Path) -> None:
    if out.suffix.lower() not in _SCANS:
        raise ConfigError(f"--out is {out}, but must end in one of {', '.join(_SCANS)}. Rename it.")


def require_columns(out: Path, columns: pl.DataFrame) -> None:
    """Raise ConfigError for what the file cannot hold: there is nothing but text and numbers in CSV."""
    for name, kind in columns.schema.items():
        if out.suffix.lower() == _CSV and (kind.is_nested() or kind == pl.Binary):
            raise ConfigError(f"the manifest's column '{name}' holds {kind}, which CSV cannot. Write --out {out.stem}.parquet")


def write(rows: pl.LazyFrame, out: Path, kind: str, metadata: Mapping[str, str]) -> None:
    """Write rows in their order, without holding all of them; only Parquet has metadata."""
    if kind == _CSV:
        rows.sink_csv(out, check_extension=False)
    elif _SCANS[kind] is pl.scan_parquet:
        rows.sink_parquet(out, metadata=dict(metadata))
    else:
        rows.sink_ndjson(out, check_extension=False)


def scan(out: Path) -> pl.LazyFrame:
    """Read what was written, as far as it is asked for."""
    return _SCANS[out.suffix.lower()](out)
