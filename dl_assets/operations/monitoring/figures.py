"""Figures of drift: the reference and the latest predictions over each other, and the measures over time."""

from collections.abc import Sequence
from typing import Any

import matplotlib.dates as mdates
import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from dl_assets.operations.monitoring.differences import EMBEDDING
from dl_assets.pages import style

_THEN, _NOW = style.COLOURS[0], style.COLOURS[1]
_BINS, _MOST_WORDS, _MOST_COLUMNS, _MOST_LINES = 30, 12, 12, 6
_COLUMNS = 3
_UPRIGHT = 4  # words that stand side by side
_REST = "all others"


def figures(told: dict[str, Any], reference: pl.DataFrame, window: pl.DataFrame, series: pl.DataFrame) -> dict[str, bytes]:
    """Return name -> PNG of those that there is something to see of; the frames have the columns that are compared."""
    drawn = {}
    if len(window):
        ranked = sorted(told["tests"], key=lambda test: -test["statistic"] / test["limit"])
        names = [test["name"] for test in ranked if test["name"] in reference.columns]
        shown = [name for name in names if name != EMBEDDING][:_MOST_COLUMNS]
        if shown:
            drawn["distributions"] = distributions(shown, reference, window)
        if EMBEDDING in names:
            drawn[EMBEDDING] = embedding(reference[EMBEDDING], window[EMBEDDING])
    if series["start"].n_unique() > 1:
        drawn["series"] = over_time(series)
    return {name: style.png(figure) for name, figure in drawn.items()}


@style.house
def distributions(names: Sequence[str], reference: pl.DataFrame, window: pl.DataFrame) -> Figure:
    """One panel a column, the one that moved most first: numbers as histograms, words as bars, both as shares."""
    rows = -(-len(names) // _COLUMNS)
    figure = style.blank(10.5, 0.6 + 2.5 * rows)
    panels = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for axes, name in zip(panels, names, strict=False):
        draw = _words if reference[name].dtype == pl.String else _numbers
        draw(axes, reference[name].drop_nulls(), window[name].drop_nulls())
        axes.set_title(style.short(name))
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    keys = [Patch(color=_THEN, alpha=0.45), Patch(color=_NOW, alpha=0.6)]
    figure.legend(keys, ["reference", "latest predictions"], loc="outside upper right", ncols=2)
    return figure


def _numbers(axes: Axes, reference: pl.Series, window: pl.Series) -> None:
    both = np.concatenate([reference.to_numpy(), window.to_numpy()]).astype(np.float64)
    low, high = np.quantile(both, [0.001, 0.999]) if len(both) else (0.0, 1.0)
    edges = np.linspace(low, high if high > low else low + 1, _BINS + 1)
    for values, colour, alpha in ((reference, _THEN, 0.45), (window, _NOW, 0.6)):
        inside = np.clip(values.to_numpy().astype(np.float64), edges[0], edges[-1])
        weights = np.full(len(inside), 1 / max(len(inside), 1))
        axes.hist(inside, edges.tolist(), weights=weights, color=colour, alpha=alpha, histtype="stepfilled")
    axes.set_ylabel("share")


def _words(axes: Axes, reference: pl.Series, window: pl.Series) -> None:
    """The words whose shares moved most, the others together."""
    shares = [dict(series.value_counts(normalize=True, name="share").iter_rows()) for series in (reference, window)]
    words = sorted({*shares[0], *shares[1]}, key=lambda word: -abs(shares[1].get(word, 0) - shares[0].get(word, 0)))
    shown = sorted(words[:_MOST_WORDS])
    rows = [[side.get(word, 0.0) for word in shown] for side in shares]
    if len(words) > len(shown):
        shown, rows = [*shown, _REST], [[*row, 1 - sum(row)] for row in rows]
    places = np.arange(len(shown))
    for row, colour, alpha, shift in ((rows[0], _THEN, 0.45, -0.2), (rows[1], _NOW, 0.6, 0.2)):
        axes.bar(places + shift, row, width=0.4, color=colour, alpha=alpha)
    labels = [style.short(word) for word in shown]
    if len(labels) > _UPRIGHT:
        axes.set_xticks(places, labels, rotation=45, ha="right")
    else:
        axes.set_xticks(places, labels)
    axes.set_ylabel("share")


@style.house
def embedding(reference: pl.Series, window: pl.Series) -> Figure:
    """The first two components of what the network makes of the pictures."""
    figure = style.blank(5.6, 4.6)
    axes = figure.add_subplot()
    for series, colour, label in ((reference, _THEN, "reference"), (window, _NOW, "latest predictions")):
        points = np.array(series.drop_nulls().to_list(), dtype=np.float64)
        second = points[:, 1] if points.shape[1] > 1 else np.zeros(len(points))
        axes.scatter(points[:, 0], second, s=9, color=colour, alpha=0.4, linewidths=0, label=label)
    axes.set(xlabel="component 1", ylabel="component 2")
    axes.grid(True)
    axes.legend(loc="best", markerscale=2)
    return figure


@style.house
def over_time(series: pl.DataFrame) -> Figure:
    """The measures that came farthest, each as a multiple of its limit: above 1 it has moved by more than is allowed."""
    shares = series.with_columns(multiple=pl.col("statistic") / pl.col("limit"))
    ranked = shares.group_by("measure").agg(pl.col("multiple").max()).sort("multiple", "measure", descending=[True, False])
    figure = style.blank(8.0, 3.6)
    axes = figure.add_subplot()
    for name, stroke in zip(ranked["measure"][:_MOST_LINES], style.strokes(), strict=False):
        one = shares.filter(pl.col("measure") == name)
        axes.plot(
            one["start"].to_list(), one["multiple"].to_list(), marker="o", markersize=3, label=style.short(name), **stroke
        )
    axes.axhline(1, color=style.INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.set(ylabel="multiple of the limit", ylim=(0, None))
    axes.xaxis.set_major_formatter(mdates.ConciseDateFormatter(axes.xaxis.get_major_locator()))  # type: ignore[no-untyped-call]
    axes.grid(True, axis="y")
    figure.legend(loc="outside right upper")
    return figure
