"""The latest rows of the log of predictions that some model answered; older files are not even opened."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from dl_assets.operations.serving.journal import ENDING, read_journal

_STORED = ".parquet"


def latest(folder: Path, models: list[str], num_rows: int) -> pl.DataFrame:
    """Return at most so many of the latest predictions of these models (sha256), in the order of their time."""
    found: list[pl.DataFrame] = []
    for rows in _newest_first(folder, pl.col("model").is_in(models)):
        found.append(rows)
        if sum(map(len, found)) >= num_rows:
            break
    return _together(found).tail(num_rows)


def answered(folder: Path, models: list[str], ids: pl.Series) -> pl.DataFrame:
    """Return the predictions of these models that have one of these ids, in the order of their time."""
    return _together(list(_newest_first(folder, pl.col("model").is_in(models) & pl.col("id").is_in(ids.implode()))))


def _newest_first(folder: Path, wanted: pl.Expr) -> Iterator[pl.DataFrame]:
    """Yield the wanted rows of each file; files are named by the time at which they were begun."""
    files = (path for ending in (ENDING, _STORED) for path in folder.glob(f"*{ending}"))
    for stem in sorted({path.with_suffix("") for path in files}, reverse=True):
        rows = _rows(stem, wanted)
        if rows is not None:
            yield rows


def _rows(stem: Path, wanted: pl.Expr) -> pl.DataFrame | None:
    """Read a journal, or the Parquet file that it has become, even if it becomes that at this moment."""
    try:
        rows = read_journal(stem.with_name(stem.name + ENDING))
        return None if rows is None else rows.filter(wanted)
    except FileNotFoundError:
        return pl.scan_parquet(stem.with_name(stem.name + _STORED)).filter(wanted).collect()


def _together(frames: list[pl.DataFrame]) -> pl.DataFrame:
    nothing = pl.DataFrame(schema={"id": pl.String, "time": pl.Datetime("us", "UTC"), "model": pl.String})
    return pl.concat(frames, how="diagonal").sort("time", maintain_order=True) if frames else nothing
