"""How the columns and the numeric target of a cleaned table are spread."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dl_assets.pages.canvas import Canvas
from dl_assets.pages.clean_classes import class_name
from dl_assets.pages.clean_measures import PANEL, blank, histogram
from dl_assets.pages.scales import Scale

MAX_PANELS = 24
MAX_ROWS = 200  # columns in the table
_SKEWED = 50  # times the median from which the greatest value leaves no room for the others
_TARGET = (760, 260)

Floats = NDArray[np.float64]


def column_panels(values: pl.DataFrame, kept: pl.Series, names: Sequence[str]) -> dict[str, Canvas]:
    """Return a histogram for each of the first 24 numbers; `values` has an id, `kept` those of the kept rows."""
    is_kept = values["id"].is_in(kept.implode())
    panels = {}
    for name in names[:MAX_PANELS]:
        column = values[name]
        panels[name] = _panel(class_name(name), _floats(column.filter(is_kept)), _floats(column.filter(~is_kept)))
    return panels


def target_histogram(kept: pl.Series, rejected: pl.Series) -> Canvas:
    """Return how the numbers that are to be predicted are spread."""
    return _panel("Target", _floats(kept), _floats(rejected), _TARGET)


def shown_columns(columns: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of the table of columns that a page has room for: of many, first those of which something is said."""
    if len(columns) <= MAX_ROWS:
        return columns
    return columns.sort(pl.col("remark") == "", maintain_order=True).head(MAX_ROWS)


def _floats(numbers: pl.Series) -> Floats:
    known = numbers.cast(pl.Float64).drop_nulls()
    return known.filter(known.is_finite()).to_numpy().astype(np.float64)


def _panel(title: str, kept: Floats, rejected: Floats, size: tuple[int, int] = PANEL) -> Canvas:
    shown = np.concatenate([kept, rejected])
    return histogram(title, _scale(shown), kept, rejected, {}, size) if len(shown) else blank(title, size)


def _scale(shown: Floats) -> Scale:
    low, high = float(shown.min()), float(shown.max())
    if low > 0 and high > _SKEWED * float(np.median(shown)):
        return Scale(0.95 * low, 1.05 * high, is_log=True)
    margin = 0.02 * (high - low) or 0.05 * abs(high) or 1.0
    return Scale(low - margin, high + margin)
