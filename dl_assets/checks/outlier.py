"""Rows with a number so far from the others that it may be a slip: a wrong unit, a lost decimal mark, a code for missing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from dl_assets import registry
from dl_assets.artifacts.report import read_json
from dl_assets.artifacts.shards import Arrays

_MEASURED_ROWS = 200_000  # by which quartiles are found: of more, every n-th
_PORTION = 50_000

Floats = NDArray[np.float64]


@registry.check(default="flag")
def outlier(
    samples: pl.DataFrame,
    arrays: Arrays,
    folder: Path,
    *,
    max_spread: Annotated[
        float, Field(gt=0, description="how many interquartile ranges beyond the quartiles a number may lie")
    ] = 10.0,
) -> pl.DataFrame:
    """Return id and detail of the rows with a number further than `max_spread` interquartile ranges beyond the quartiles.

    The furthest come first. The detail names the column (of `folder`/columns.json) that is furthest out, and how many others
    are. Columns of categories and dates, and those of which half of the rows or more have one number, are left out.
    """
    columns = read_json(folder / "columns.json")["columns"]
    places = np.array([place for place, column in enumerate(columns) if column["kind"] == "number"], np.int64)
    if not len(samples) or not len(places):
        return pl.DataFrame(schema={"id": pl.String, "detail": pl.String})
    low, high, spread = _quartiles(arrays, places)
    rows: list[int] = []
    details: list[str] = []
    distances: list[float] = []
    for start, values in _portions(arrays, places):
        beyond = np.nan_to_num(np.maximum(low - values, values - high) / spread)  # [N, numbers]
        for row in np.flatnonzero((beyond > max_spread).any(axis=1)):
            worst = int(beyond[row].argmax())
            others = int((beyond[row] > max_spread).sum()) - 1
            rows.append(start + int(row))
            distances.append(float(beyond[row, worst]))
            details.append(
                f"{columns[places[worst]]['name']} is {values[row, worst]:.6g}, {beyond[row, worst]:.3g} interquartile ranges "
                f"beyond {low[worst]:.6g} to {high[worst]:.6g} (max_spread is {max_spread:g})"
                + (f"; so are {others} other columns" if others > 1 else "; so is another column" if others else "")
            )
    found = {"id": samples["id"].gather(rows), "detail": details, "distance": distances}
    schema = {"id": pl.String, "detail": pl.String, "distance": pl.Float64}
    return pl.DataFrame(found, schema=schema).sort("distance", descending=True, maintain_order=True).drop("distance")


def _quartiles(arrays: Arrays, places: NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
    """Return the quartiles of each column of numbers and their distance, which is infinite where there is none."""
    every = -(-len(arrays) // _MEASURED_ROWS)
    values = pl.from_numpy(_read(arrays, np.arange(0, len(arrays), every), places)).fill_nan(None)
    low, high = (
        np.array(values.select(pl.all().quantile(share, "linear")).row(0), np.float64) for share in (0.25, 0.75)
    )  # a column without any number has the quartiles None, which become NaN
    return low, high, np.where(high > low, high - low, np.inf)


def _portions(arrays: Arrays, places: NDArray[np.int64]) -> Iterator[tuple[int, Floats]]:
    for start in range(0, len(arrays), _PORTION):
        yield start, _read(arrays, np.arange(start, min(start + _PORTION, len(arrays))), places)


def _read(arrays: Arrays, indices: NDArray[np.int64], places: NDArray[np.int64]) -> Floats:
    return arrays.batch(indices).astype(np.float64)[:, places]
