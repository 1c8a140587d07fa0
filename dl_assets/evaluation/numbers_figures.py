"""Figures of a model that answers with a number: its answers against the targets, and how far it is off."""

import math
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.evaluation.headline import amount
from dl_assets.evaluation.numbers_curves import Errors, bars, errors_of
from dl_assets.evaluation.numbers_scores import Amounts
from dl_assets.pages import style
from dl_assets.pages.scales import Scale

Ends = tuple[float, float]
MAX_DOTS = 1_500  # of more samples it is their density that is drawn
_CELLS = 45
_TENTHS = 10
_MOST_TICKS = 6
_TIMES_SIGN = "\N{MULTIPLICATION SIGN}"
_TIMES = (1.001, 1.01, 1.02, 1.05, 1.1, 1.2, 1.5, 2, 3, 5, 10, 20, 50, 100, 1_000, 10_000)
_SHADES = LinearSegmentedColormap.from_list("shades", ["#cfe3f1", style.COLOURS[0], "#00263d"])
_COUNTS = FuncFormatter(lambda value, _: amount(value))


@style.house
def prediction_and_target(amounts: Amounts, *, is_log: bool) -> Figure:
    """The answer of each sample by its target, the diagonal, and the lines between which the interval holds the target."""
    figure = style.blank(5.6, 4.8)
    axes = figure.add_subplot()
    shown = amounts.target > 0 if is_log else np.isfinite(amounts.target)
    target, prediction = amounts.target[shown], amounts.prediction[shown]
    ends = _ends(np.concatenate([target, prediction]), is_log)
    _scatter(figure, axes, target, prediction, ends=(ends, ends), is_log=(is_log, is_log))
    axes.plot(ends, ends, color=style.INK, linewidth=1)
    for side in _interval(amounts, np.array(ends), is_log):
        axes.plot(ends, side, color=style.MUTED, linewidth=0.9, linestyle=style.DASHES[1])
    axes.set(title="Prediction and target", xlabel="target", ylabel="prediction", xlim=ends, ylim=ends, aspect="equal")
    _ticks(axes.xaxis, ends, is_log)
    _ticks(axes.yaxis, ends, is_log)
    axes.grid(visible=True)
    return figure


@style.house
def residuals(amounts: Amounts, *, is_log: bool) -> Figure:
    """How far the target is from the answer, by answer, with the median of each tenth of the samples."""
    errors = errors_of(amounts, is_log=is_log)
    figure = style.blank(5.6, 4.2)
    axes = figure.add_subplot()
    near = ~errors.is_beyond
    ends, edges = _ends(amounts.prediction, is_log), (-1.04 * errors.edge, 1.04 * errors.edge)
    _scatter(figure, axes, amounts.prediction[near], errors.values[near], ends=(ends, edges), is_log=(is_log, False))
    for side, marker in ((1, "^"), (-1, "v")):
        beyond = errors.is_beyond & (np.sign(errors.values) == side)
        axes.plot(
            amounts.prediction[beyond], errors.inside[beyond], marker, color=style.COLOURS[5], markersize=4, clip_on=False
        )
    axes.axhline(0, color=style.INK, linewidth=1)
    _medians(axes, amounts.prediction, errors.values)
    axes.set(title=_titled("Residuals", errors), xlabel="prediction", ylabel=_label(errors))
    axes.set(xlim=ends, ylim=edges)
    _ticks(axes.xaxis, ends, is_log)
    _error_ticks(axes.yaxis, errors)
    axes.grid(visible=True)
    return figure


@style.house
def residual_histogram(amounts: Amounts, *, is_log: bool) -> Figure:
    """How many samples have which error."""
    errors = errors_of(amounts, is_log=is_log)
    edges, counts = bars(errors)
    figure = style.blank(5.6, 3.4)
    axes = figure.add_subplot()
    axes.bar(edges[:-1], counts, width=0.9 * np.diff(edges), align="edge", color=style.COLOURS[0])
    axes.axvline(0, color=style.INK, linewidth=1)
    axes.set(title="Histogram of residuals", xlabel=_label(errors), ylabel="test samples")
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    _error_ticks(axes.xaxis, errors)
    axes.grid(visible=True, axis="y")
    return figure


def _scatter(figure: Figure, axes: Axes, x: Floats, y: Floats, *, ends: tuple[Ends, Ends], is_log: tuple[bool, bool]) -> None:
    """Draw few samples as dots, and of many how many are where; `ends` are those of both axes."""
    x_scale, y_scale = map(_scale, is_log)
    axes.set(xscale=x_scale, yscale=y_scale)
    if len(x) <= MAX_DOTS:
        axes.scatter(x, y, s=float(np.clip(4000 / max(len(x), 1), 5, 16)), color=style.COLOURS[0], alpha=0.5, linewidth=0)
        return
    left, right, bottom, top = (math.log10(end) if is_log[axis] else end for axis in (0, 1) for end in ends[axis])
    shape: dict[str, Any] = {"gridsize": _CELLS, "extent": (left, right, bottom, top), "linewidths": 0.1}
    cells = axes.hexbin(x, y, bins="log", mincnt=1, cmap=_SHADES, xscale=x_scale, yscale=y_scale, **shape)
    bar = figure.colorbar(cells, ax=axes, shrink=0.7, aspect=24, label="test samples", format=_COUNTS)
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.outline.set_visible(False)


def _scale(is_log: bool) -> Literal["linear", "log"]:
    return "log" if is_log else "linear"


def _medians(axes: Axes, prediction: Floats, values: Floats) -> None:
    if len(values) < _TENTHS * _TENTHS:
        return
    parts = np.array_split(np.argsort(prediction, kind="stable"), _TENTHS)
    x, y = ([float(np.median(column[part])) for part in parts] for column in (prediction, values))
    axes.plot(
        x, y, color=style.COLOURS[1], linewidth=1.8, marker="o", markersize=3.5, markeredgecolor="white", markeredgewidth=0.5
    )


def _ends(values: Floats, is_log: bool) -> Ends:
    """Return between what values lie, with some room beside them."""
    if is_log:
        low, high = _ends(np.log(values), is_log=False)
        return math.exp(low), math.exp(high)
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    room = 0.04 * (high - low) or 1.0
    return low - room, high + room


def _interval(amounts: Amounts, ends: Floats, is_log: bool) -> list[Floats]:
    """Return the two lines through the ends at which a target is just inside of its interval; none where there is none."""
    if not np.isfinite(amounts.high).all():
        return []
    if is_log:
        reach = float(np.median(amounts.high / amounts.prediction))
        return [ends * reach, ends / reach]
    reach = float(np.median(amounts.high - amounts.prediction))
    return [ends + reach, ends - reach]


def _label(errors: Errors) -> str:
    return "target ÷ prediction" if errors.is_log else "target - prediction"


def _titled(title: str, errors: Errors) -> str:
    beyond = int(errors.is_beyond.sum())
    return f"{title} ({beyond:,} beyond the edge)" if beyond else title


def _ticks(axis: Axis, ends: Ends, is_log: bool) -> None:
    values = Scale(*ends, is_log).ticks(_MOST_TICKS)
    axis.set_ticks(values, [amount(value) for value in values])
    axis.set_minor_locator(NullLocator())


def _error_ticks(axis: Axis, errors: Errors) -> None:
    """Name round errors; by the logarithm, how many times as large as the answer the target is."""
    if not errors.is_log:
        _ticks(axis, (-errors.edge, errors.edge), is_log=False)
        return
    chosen = {max(times for times in _TIMES if math.log(times) <= max(share * errors.edge, 0.001)) for share in (0.45, 0.95)}
    named = {0.0: f"{_TIMES_SIGN}1"} | {
        side * math.log(times): f"{_TIMES_SIGN if side > 0 else '÷'}{times:g}" for times in chosen for side in (-1, 1)
    }
    axis.set_ticks(list(named), list(named.values()))
    axis.set_minor_locator(NullLocator())
