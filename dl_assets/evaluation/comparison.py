"""A few curves of every kind of target in one table of one shape, which `dvc plots diff` draws over each other by revision."""

from dataclasses import dataclass

import polars as pl

FILE = "comparison.csv"  # drawn by comparison.json, one small chart for each `figure`


@dataclass(frozen=True)
class Compared:
    """Which columns of which table are drawn as what; of a table of averages, which one."""

    figure: str
    file: str
    x: str
    y: str
    average: str | None = None


def compare(curves: dict[str, pl.DataFrame], chosen: tuple[Compared, ...]) -> pl.DataFrame:
    """Return figure, x and y of every point of the chosen curves.

    >>> curve = pl.DataFrame({"from": [-1.0, 0.0], "count": [3, 5]})
    >>> compare({"a.csv": curve}, (Compared("errors", "a.csv", "from", "count"),)).rows()
    [('errors', -1.0, 3.0), ('errors', 0.0, 5.0)]
    """
    schema = {"figure": pl.String, "x": pl.Float64, "y": pl.Float64}
    return pl.concat([pl.DataFrame(schema=schema), *(_points(curves[one.file], one) for one in chosen)])


def _points(table: pl.DataFrame, chosen: Compared) -> pl.DataFrame:
    if chosen.average is not None:
        table = table.filter(average=chosen.average)
    x, y = (pl.col(name).cast(pl.Float64).alias(axis) for axis, name in (("x", chosen.x), ("y", chosen.y)))
    return table.select(pl.lit(chosen.figure).alias("figure"), x, y)
