"""How what was measured of the pictures of cleaned data is spread."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dl_assets.pages.canvas import INK, KEPT, LINE, REJECTED, Canvas, length
from dl_assets.pages.scales import Scale, tell

_NUM_BINS, _COLUMNS = 48, 4
PANEL = _WIDTH, _HEIGHT = 264, 190
_LEFT, _TOP, _MARGIN, _BELOW = 40, 30, 14, 28
_MAX_TICKS, _GAP = 6, 8

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class View:
    """A number that is measured of every sample, and the options that are thresholds of it."""

    title: str
    value: pl.Expr
    limits: tuple[str, ...] = ()
    is_log: bool = False


_SHORT, _LONG = pl.min_horizontal("width", "height"), pl.max_horizontal("width", "height")
_VIEWS = (
    View("Shorter side, px", _SHORT, ("min_side",), is_log=True),
    View("Longer / shorter side", _LONG / _SHORT, ("max_aspect_ratio",), is_log=True),
    View("Sharpness", pl.col("sharpness"), ("min_sharpness",), is_log=True),
    View("Brightness, 0 to 1", pl.col("brightness")),
    View("Contrast, 0 to 1", pl.col("contrast"), ("min_contrast",)),
    View("Highlights", pl.col("brightness") + 2 * pl.col("contrast"), ("min_highlights",)),
    View("Shadows", pl.col("brightness") - 2 * pl.col("contrast"), ("max_shadows",)),
)


def histograms(kept: pl.DataFrame, rejected: pl.DataFrame, options: dict[str, Any]) -> dict[str, Canvas]:
    """Return a histogram for each number that the columns allow, by its title.

    The counts are drawn as their square root, so that a single odd one is seen.
    """
    columns = set(kept.columns) & set(rejected.columns)
    views = [view for view in _VIEWS if set(view.value.meta.root_names()) <= columns]
    values = [[column.drop_nulls().to_numpy() for column in _measured(table, views)] for table in (kept, rejected)]
    limits = [{name: float(options[name]) for name in view.limits if options.get(name) is not None} for view in views]
    return {view.title: _histogram(view, *panel) for view, *panel in zip(views, *values, limits, strict=True)}


def together(panels: Iterable[Canvas]) -> Canvas:
    """Put the histograms on one sheet, for those who show a single picture."""
    panels = list(panels)
    rows = -(-len(panels) // _COLUMNS)
    sheet = Canvas(_COLUMNS * _WIDTH, rows * _HEIGHT + 32)
    for index, panel in enumerate(panels):
        sheet.put(panel, index % _COLUMNS * _WIDTH, index // _COLUMNS * _HEIGHT)
    sheet.legend()
    return sheet


def _measured(samples: pl.DataFrame, views: Sequence[View]) -> list[pl.Series]:
    return samples.select(view.value.cast(pl.Float64).alias(view.title) for view in views).get_columns()


def _histogram(view: View, kept: Floats, rejected: Floats, limits: dict[str, float]) -> Canvas:
    shown = np.concatenate([kept, rejected, list(limits.values())])
    shown = shown[shown > 0] if view.is_log else shown
    if not len(shown):
        return blank(view.title)
    low, high = float(shown.min()), float(shown.max())
    scale = Scale(0.95 * low, 1.05 * high, is_log=True) if view.is_log else Scale(low - 0.01, high + 0.01)
    return histogram(view.title, scale, kept, rejected, limits)


def blank(title: str, size: tuple[int, int] = PANEL) -> Canvas:
    """Return a panel with nothing but its title."""
    canvas = Canvas(*size)
    canvas.words(8, 4, title, "la", size=12, colour=INK, bold=True)
    return canvas


def histogram(
    title: str,
    scale: Scale,
    kept: Floats,
    rejected: Floats,
    limits: dict[str, float],
    size: tuple[int, int] = PANEL,
) -> Canvas:
    """Draw how many values lie where on the scale, and the limits as dashed lines. Heights are square roots."""
    canvas = blank(title, size)
    right, bottom = size[0] - _MARGIN, size[1] - _BELOW
    counts = [_count(scale, values) for values in (kept, rejected)]
    tallest = max(int((counts[0] + counts[1]).max()), 1)
    heights = [np.sqrt(number / tallest) * (bottom - _TOP) for number in (counts[0], counts[0] + counts[1])]
    for count in _round_counts(tallest):
        y = bottom - np.sqrt(count / tallest) * (bottom - _TOP)
        canvas.bar(_LEFT, y - 0.5, right, y + 0.5, LINE)
        canvas.words(_LEFT - 5, y, tell(count), "rm", size=10)
    edges = np.linspace(_LEFT, right, _NUM_BINS + 1)
    for start, stop, height, all_height in zip(edges[:-1], edges[1:], *heights, strict=True):
        canvas.bar(start, bottom - height, stop, bottom, KEPT)
        canvas.bar(start, bottom - all_height, stop, bottom - height, REJECTED)
    canvas.bar(_LEFT, bottom, right, bottom + 1, LINE)
    for tick in _ticks(scale, right - _LEFT):
        rightmost = size[0] - length(tell(tick), 10) / 2 - 1
        canvas.words(min(scale.place(tick, _LEFT, right), rightmost), bottom + 5, tell(tick), "ma", size=10)
    for name, limit in limits.items():
        if limit > 0 or not scale.is_log:
            _mark(canvas, scale.place(limit, _LEFT, right), f"{name} {limit:g}", bottom)
    return canvas


def _ticks(scale: Scale, width: float) -> list[float]:
    """Return six round values, or as many as do not run into each other when they are named."""
    found = scale.ticks(_MAX_TICKS)
    for most in range(_MAX_TICKS - 1, 1, -1):
        if sum(length(tell(tick), 10) + _GAP for tick in found) <= width:
            break
        found = scale.ticks(most)
    return found


def _count(scale: Scale, values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return how many values lie in each bin; one of 0, which no logarithm has, is in the first."""
    with np.errstate(divide="ignore"):
        places = scale.share(values) * _NUM_BINS
    return np.bincount(np.clip(places, 0, _NUM_BINS - 1).astype(np.int64), minlength=_NUM_BINS)


def _round_counts(tallest: int) -> list[int]:
    """Return counts of one digit for a scale of square roots: about the tallest, two thirds and a third as high, and none.

    >>> _round_counts(450), _round_counts(3)
    ([0, 40, 100, 400], [0, 1, 3])
    """
    found = {0}
    for count in (tallest // 10, tallest * 2 // 5, tallest):
        ten = 10 ** (len(str(count)) - 1)
        found.add(count // ten * ten)
    return sorted(found)


def _mark(canvas: Canvas, x: float, text: str, bottom: float) -> None:
    """Draw a threshold, with its name on the side where there is more room."""
    canvas.dashes(x, _TOP - 6, bottom)
    if x < canvas.width / 2:
        canvas.words(x + 4, _TOP - 6, text, "la", size=9, colour=INK)
    else:
        canvas.words(x - 4, _TOP - 6, text, "ra", size=9, colour=INK)
