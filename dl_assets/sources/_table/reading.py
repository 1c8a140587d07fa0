"""What every kind of table is read as: named columns, and portions of rows whose cells are text."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import polars as pl

MAX_ROWS = 50_000  # of one portion


class Portion(NamedTuple):
    """Rows in the order of the table: `cells` has all columns as text (null where empty), `problem` why a row is lost.

    The cells of a row that is lost are null.
    """

    cells: pl.DataFrame
    problem: pl.Series


@dataclass(frozen=True)
class Reading:
    """One file or query. `name` is what its origins begin with; `found` is what was detected of it, for people."""

    name: str
    columns: list[str]
    num_rows: int | None
    found: dict[str, Any]
    portions: Callable[[], Iterator[Portion]]


def portions_of(cells: pl.DataFrame, problem: pl.Series | None = None) -> Iterator[Portion]:
    """Cut rows into portions of at most MAX_ROWS."""
    if problem is None:
        problem = pl.repeat(None, len(cells), dtype=pl.String, eager=True)
    for start in range(0, len(problem), MAX_ROWS):
        yield Portion(cells.slice(start, MAX_ROWS), problem.slice(start, MAX_ROWS))


def spread(cells: pl.DataFrame, is_good: pl.Series) -> pl.DataFrame:
    """Put the rows of `cells` where `is_good` is true, and rows of nulls between them."""
    places = pl.select(pl.when(is_good).then(is_good.cast(pl.Int64).cum_sum() - 1)).to_series()
    return cells.select(pl.all().gather(places))
