"""Figures of a study: how it went, what mattered, and which values belong together."""

import math
from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dl_assets.operations.tuning.findings import Findings
from dl_assets.operations.tuning.study import Row
from dl_assets.pages import style
from dl_assets.problems import shown
from dl_assets.search_space import Dimension, OneOf

CAPTIONS = {
    "history": "Each point is a trial: hollow where it was ended early, a cross where it has no result, a triangle where it "
    "lies beyond the edge.",
    "curves": "The metric as it would be if the training had ended in that epoch. Lines that stop were ended early.",
    "importances": "How much of the difference between good trials and others each place explains (PED-ANOVA). Of few trials "
    "it is a hint, no more.",
    "coordinates": "One line for each complete trial, through its values to its metric on the right; the darker, the better. "
    "The best is orange.",
}
_WORSE, _BETTER, _BEST = "#d5dbe1", style.COLOURS[0], style.COLOURS[1]
_SHADES = LinearSegmentedColormap.from_list("shades", [_WORSE, _BETTER])
_FAR = 4.0  # times the distance from the best to the worst of the better three quarters: beyond that a trial is at the edge
MAX_TICKS = 8


def figures(findings: Findings) -> dict[str, bytes]:
    """Return name -> PNG of those that there is something to see of."""
    measured = [row for row in findings.rows if row.value is not None]
    if not measured:
        return {}
    drawn = {"history": history(findings), "curves": curves(findings)}
    if findings.importances:
        drawn["importances"] = importances(findings)
    if any(row.state == "complete" for row in measured):
        drawn["coordinates"] = coordinates(findings)
    return {name: style.png(figure) for name, figure in drawn.items()}


@style.house
def history(findings: Findings) -> Figure:
    """The metric of each trial, and the best so far."""
    figure = style.blank(6.0, 3.8)
    axes = figure.add_subplot()
    axes.set(title="History", xlabel="trial", ylabel=findings.metric)
    _limit(axes, findings)
    low, high = axes.get_ylim()
    for state, face in (("complete", _BETTER), ("pruned", "white")):
        rows = [row for row in findings.rows if row.state == state and row.value is not None]
        inside = [row for row in rows if low <= _value(row) <= high]
        axes.scatter(
            _numbers(inside), [_value(row) for row in inside], s=26, color=face, edgecolor=_BETTER, zorder=3, label=state
        )
        for row in (row for row in rows if row not in inside):
            is_above = _value(row) > high
            axes.plot(
                row.number, high if is_above else low, "^" if is_above else "v", color=_BETTER, markersize=5, clip_on=False
            )
    failed = [row for row in findings.rows if row.value is None]
    if failed:
        axes.plot(_numbers(failed), [low] * len(failed), "x", color=style.MUTED, markersize=5, clip_on=False, label="no result")
    complete = [row for row in findings.rows if row.state == "complete"]
    if complete:
        better = np.minimum if findings.search.direction == "minimize" else np.maximum
        so_far = better.accumulate([_value(row) for row in complete])
        end = max(row.number for row in findings.rows)
        axes.step([*_numbers(complete), end], [*so_far, so_far[-1]], where="post", color=_BEST, label="best so far", zorder=2)
    if findings.present:
        axes.axhline(_value(findings.present), color=style.MUTED, linewidth=1, linestyle=(0, (4, 3)), label="values of now")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(True, axis="y")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=5, columnspacing=1.2, handletextpad=0.4)
    return figure


@style.house
def curves(findings: Findings) -> Figure:
    """The metric over the epochs, one line a trial."""
    figure = style.blank(6.0, 3.8)
    axes = figure.add_subplot()
    axes.set(title="Trials over their epochs", xlabel="epoch", ylabel=findings.metric)
    _limit(axes, findings, whole_curves=True)
    shades = _shades(findings)
    for row in findings.rows:
        if row.curve and row is not findings.best:
            _curve(axes, row, color=shades.get(row.number, _WORSE), linewidth=1.0)
    if findings.best:
        _curve(axes, findings.best, color=_BEST, linewidth=2.0, zorder=4, label=f"best: trial {findings.best.number}")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(True, axis="y")
    return figure


@style.house
def importances(findings: Findings) -> Figure:
    """One bar for each place, the most important on top."""
    names = list(findings.importances)[::-1]
    figure = style.blank(6.0, 1.2 + 0.34 * len(names))
    axes = figure.add_subplot()
    shares = [findings.importances[name] for name in names]
    axes.barh(names, shares, color=_BETTER, height=0.62)
    for index, share in enumerate(shares):
        axes.text(share + 0.012, index, f"{100 * share:.0f} %", va="center", fontsize=8, color=style.MUTED)
    axes.set(title="Importance", xlim=(0, max(shares) * 1.14))
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    return figure


@style.house
def coordinates(findings: Findings) -> Figure:
    """One line a complete trial through an axis for each place; the last axis is the metric."""
    dimensions = findings.search.dimensions
    complete = [row for row in findings.rows if row.state == "complete"]
    figure = style.blank(max(11.0, 1.5 * (len(dimensions) + 1)), 4.0)
    axes = figure.add_subplot()
    scales = [_scale(dimension) for dimension in dimensions]
    to_height, ticks = _metric_scale(findings, complete)
    shades = _shades(findings)
    order = sorted(complete, key=lambda row: _rank(findings, row), reverse=True)  # the best are drawn last
    for row in order:
        heights = [scale(row.values[dimension.name]) for scale, dimension in zip(scales, dimensions, strict=True)]
        is_best = row is findings.best
        color, width = (_BEST, 2.2) if is_best else (shades[row.number], 1.2)
        axes.plot([*heights, to_height(_value(row))], color=color, linewidth=width, alpha=1.0 if is_best else 0.85)
    for x, dimension in enumerate(dimensions):
        _axis(axes, x, {scale_at: text for text, scale_at in _ticks(dimension, scales[x]).items()})
    _axis(axes, len(dimensions), ticks)
    names = [*(dimension.name.replace(".", "\n") for dimension in dimensions), findings.metric]
    axes.set(title="Which values belong together", xlim=(-0.25, len(dimensions) + 0.45), ylim=(-0.04, 1.04))
    axes.set_xticks(range(len(names)), names, color=style.INK)
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    return figure


def _curve(axes: Axes, row: Row, **look: object) -> None:
    epochs = range(1, len(row.curve) + 1)
    axes.plot(epochs, row.curve, marker="o" if len(row.curve) == 1 else "", markersize=3, **look)  # type: ignore[arg-type]


def _axis(axes: Axes, x: int, ticks: dict[float, str]) -> None:
    axes.axvline(x, color=style.MUTED, linewidth=0.8, zorder=5)
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.8}
    for height, text in ticks.items():
        axes.text(x + 0.04, height, text, va="center", fontsize=8, color=style.INK, zorder=6, bbox=box)


def _scale(dimension: Dimension) -> Callable[[object], float]:
    """Return what puts a value at a height from 0 to 1."""
    if isinstance(dimension, OneOf):
        heights = np.linspace(0, 1, len(dimension.candidates))
        return lambda value: float(heights[dimension.candidates.index(value)])
    bend = math.log if dimension.log else float
    low, high = bend(dimension.low), bend(dimension.high)
    return lambda value: (bend(value) - low) / (high - low)  # type: ignore[arg-type]


def _ticks(dimension: Dimension, scale: Callable[[object], float]) -> dict[str, float]:
    if isinstance(dimension, OneOf):
        texts = [value if isinstance(value, str) else shown(value) for value in dimension.candidates]
        step = -(-len(texts) // MAX_TICKS)
        return {style.short(text): scale(dimension.candidates[index]) for index, text in enumerate(texts) if index % step == 0}
    return {f"{value:g}": scale(value) for value in (dimension.low, dimension.high)}


def _metric_scale(findings: Findings, complete: list[Row]) -> tuple[Callable[[float], float], dict[float, str]]:
    """Return what puts a metric at its height (better is higher), and the texts at both ends."""
    low, high = _range([_value(row) for row in complete], findings.search.direction)
    worst, best = (high, low) if findings.search.direction == "minimize" else (low, high)
    span = best - worst or 1.0
    return (lambda value: min(max((value - worst) / span, 0.0), 1.0)), {0.0: f"{worst:.4g}", 1.0: f"{best:.4g}"}


def _limit(axes: Axes, findings: Findings, *, whole_curves: bool = False) -> None:
    values = [_value(row) for row in findings.rows if row.value is not None]
    low, high = _range(values, findings.search.direction)
    if whole_curves:
        starts = [value for row in findings.rows for value in row.curve]
        low, high = _range([*values, *starts], findings.search.direction)
    margin = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
    axes.set_ylim(low - margin, high + margin)


def _range(values: list[float], direction: str) -> tuple[float, float]:
    """Return the lowest and the highest value, but for those far worse than the others: a diverged loss hides the rest.

    >>> _range([1.0, 1.1, 1.2, 1.3, 900.0], "minimize")
    (1.0, 2.2)
    """
    sign = 1 if direction == "minimize" else -1
    costs = sorted(sign * value for value in values)
    far = costs[0] + _FAR * (costs[(3 * (len(costs) - 1)) // 4] - costs[0])
    worst = min(costs[-1], far) if far > costs[0] else costs[-1]
    ends = round(sign * costs[0], 12), round(sign * worst, 12)
    return min(ends), max(ends)


def _shades(findings: Findings) -> dict[int, tuple[float, float, float, float]]:
    """Return the colour of each trial by its rank."""
    ranked = sorted((row for row in findings.rows if row.value is not None), key=lambda row: _rank(findings, row))
    return {row.number: _SHADES(1 - index / max(len(ranked) - 1, 1)) for index, row in enumerate(ranked)}


def _rank(findings: Findings, row: Row) -> float:
    return _value(row) if findings.search.direction == "minimize" else -_value(row)


def _numbers(rows: list[Row]) -> list[int]:
    return [row.number for row in rows]


def _value(row: Row) -> float:
    assert row.value is not None, "only measured trials are drawn"
    return row.value
