"""Rows of the log of predictions: the latest that some model answered, or some ids; other files are not even opened."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence, Set
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from dl_assets.operations.logs.ids import time_of
from dl_assets.operations.logs.journal import ENDING, read_journal
from dl_assets.operations.logs.log import BEGUN

_STORED = ".parquet"
_LOGGED_SECONDS = 600.0  # after its id was made a prediction is in the log, or nowhere: --timeout is half of that at most
_BEHIND_SECONDS = 1.0  # the time of a file comes from a coarser clock than that of an id, and lags some milliseconds


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


def logged_among(folder: Path, ids: Set[str]) -> set[str]:
    """Return those that are ids of logged predictions."""
    return {id_ for rows in rows_of(folder, ids, ["id"]) for id_ in rows["id"]}


def rows_of(folder: Path, ids: Set[str], columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Yield these columns of the predictions with these ids. Only files of their time that have the columns are read."""
    times = sorted(time for id_ in ids if (time := time_of(id_)) is not None)
    for stem in _stems(folder):
        try:
            begun, ended = _span(stem)
        except FileNotFoundError:  # somebody deleted it since it was listed
            continue
        first = bisect_left(times, begun - _LOGGED_SECONDS)
        if first < len(times) and times[first] <= ended + _BEHIND_SECONDS:
            yield from _rows(stem, pl.col("id").is_in(list(ids)), columns)


def rows_with(folder: Path, column: str, shown: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Yield the `shown` columns of all predictions for which `column` is logged, the latest files first."""
    for stem in _stems(folder):
        for rows in _rows(stem, pl.lit(True), [*shown, column]):
            yield rows.drop(column)


def _newest_first(folder: Path, wanted: pl.Expr) -> Iterator[pl.DataFrame]:
    """Yield the wanted rows of each file."""
    for stem in _stems(folder):
        yield from _rows(stem, wanted)


def _stems(folder: Path) -> list[Path]:
    """Return the files without their endings, those that were begun last first: they are named by that time."""
    files = (path for ending in (ENDING, _STORED) for path in folder.glob(f"*{ending}"))
    return sorted({path.with_suffix("") for path in files}, reverse=True)


def _span(stem: Path) -> tuple[float, float]:
    """Return when a file was begun and when it was last written, in seconds since 1970."""
    begun = datetime.strptime(stem.name.partition("-")[0], BEGUN).replace(tzinfo=UTC)
    journal, stored = (stem.with_name(stem.name + ending) for ending in (ENDING, _STORED))
    try:
        written = journal.stat().st_mtime
    except FileNotFoundError:
        written = stored.stat().st_mtime
    return begun.timestamp(), written


def _rows(stem: Path, wanted: pl.Expr, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
    """Yield the wanted rows of a file; nothing where somebody deleted it since it was listed, as old logs are."""
    try:
        rows = _open(stem)
        if rows is None or not set(columns or ()) <= set(rows.collect_schema().names()):
            return
        found = rows.filter(wanted).select(columns or pl.all()).collect()
    except FileNotFoundError:
        return
    yield found


def _open(stem: Path) -> pl.LazyFrame | None:
    """Open a journal, or the Parquet file that it has become, even if it becomes that at this moment."""
    try:
        journal = read_journal(stem.with_name(stem.name + ENDING))
    except FileNotFoundError:
        return pl.scan_parquet(stem.with_name(stem.name + _STORED))
    return None if journal is None else journal.lazy()


def _together(frames: list[pl.DataFrame]) -> pl.DataFrame:
    nothing = pl.DataFrame(schema={"id": pl.String, "time": pl.Datetime("us", "UTC"), "model": pl.String})
    return pl.concat(frames, how="diagonal").sort("time", maintain_order=True) if frames else nothing
