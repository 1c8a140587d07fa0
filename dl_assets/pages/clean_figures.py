"""Figures of cleaned data: how large the classes are, how large the pictures, and how what was measured is spread."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator
from numpy.typing import NDArray

from dl_assets.pages import style

KEPT, REJECTED, LIMIT = style.COLOURS[0], style.COLOURS[1], style.INK
MAX_BARS = 40
_MAX_POINTS, _NUM_BINS = 4_000, 48
_COLUMNS, _LEAST_BARS = 4, 8
_PAPER = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}


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


def figures(
    kept: pl.DataFrame, rejected: pl.DataFrame, classes: tuple[pl.Series, pl.Series], options: dict[str, Any]
) -> dict[str, Figure]:
    """Return the figures by name, as far as the columns of `kept` allow: class_balance, sizes, distributions.

    `classes` are those of the kept and of the rejected samples.
    """
    found: dict[str, Figure] = {}
    if len(classes[0]):
        found["class_balance"] = class_balance(*classes, options.get("min_class_size"))
    columns = set(kept.columns) & set(rejected.columns)
    if len(kept) and {"width", "height"} <= columns:
        found["sizes"] = sizes(kept, rejected)
    views = [view for view in _VIEWS if set(view.value.meta.root_names()) <= columns]
    if len(kept) and views:
        found["distributions"] = distributions(views, kept, rejected, options)
    return found


@style.house
def class_balance(kept: pl.Series, rejected: pl.Series, min_class_size: int | None) -> Figure:
    """One bar for each class, largest first; of more than 40 classes the 20 largest and the 20 smallest."""
    counts = pl.concat(
        [
            kept.alias("target").to_frame().with_columns(is_kept=True),
            rejected.alias("target").to_frame().with_columns(is_kept=False),
        ]
    )
    table = (
        counts.drop_nulls("target")
        .group_by("target")
        .agg(kept=pl.col("is_kept").sum(), rejected=(~pl.col("is_kept")).sum())
        .sort("kept", "target", descending=[True, False])
    )
    title = f"{len(table):,} classes" if len(table) != 1 else "One class"
    if len(table) > MAX_BARS:
        table = pl.concat([table.head(MAX_BARS // 2), table.tail(MAX_BARS // 2)])
        title += f": the {MAX_BARS // 2} largest and the {MAX_BARS // 2} smallest"
    figure = style.blank(5.2, max(3.6, 0.9 + 0.27 * len(table)))
    axes = figure.add_subplot()
    places = np.arange(len(table))
    axes.barh(places, table["kept"], color=KEPT, height=0.72, label="kept")
    axes.barh(places, table["rejected"], left=table["kept"], color=REJECTED, height=0.72, label="rejected")
    if min_class_size is not None:
        _limit(axes, float(min_class_size), f"min_class_size {min_class_size}")
    for place, (count, others) in enumerate(table.select("kept", "rejected").iter_rows()):
        axes.annotate(
            f"{count:,}", (count + others, place), (4, 0), textcoords="offset points", va="center", fontsize=8, bbox=_PAPER
        )
    axes.set_yticks(places, [_class_name(name) for name in table["target"]])
    axes.set(title=title, ylim=(max(len(table), _LEAST_BARS) - 0.4, -0.6))
    axes.margins(x=0.12)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.grid(True, axis="x")
    figure.legend(loc="outside lower left", ncols=3)
    return figure


@style.house
def sizes(kept: pl.DataFrame, rejected: pl.DataFrame) -> Figure:
    """Width and height of every picture; the larger a point, the more are of that size."""
    figure = style.blank(5.2, 3.6)
    axes = figure.add_subplot()
    for name, samples, colour in (("kept", kept, KEPT), ("rejected", rejected, REJECTED)):
        counts = samples.select("width", "height").drop_nulls().group_by("width", "height").len()
        counts = counts.sort("len", "width", "height", descending=[True, False, False]).head(_MAX_POINTS)
        area = 14 * np.sqrt(counts["len"].to_numpy())
        axes.scatter(
            counts["width"], counts["height"], np.minimum(area, 400), color=colour, alpha=0.35, linewidths=0, label=name
        )
    axes.set(title="Sizes", xlabel="width, px", ylabel="height, px", xscale="log", yscale="log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(_plain))
        axis.set_minor_locator(NullLocator())
    axes.grid(True)
    if len(rejected):
        for handle in axes.legend(loc="lower right").legend_handles:
            handle.set(alpha=1, sizes=[20])  # type: ignore[union-attr]
    return figure


@style.house
def distributions(views: Sequence[View], kept: pl.DataFrame, rejected: pl.DataFrame, options: dict[str, Any]) -> Figure:
    """A histogram for each view; the counts are drawn as their square root, so that a single odd one is seen."""
    rows = -(-len(views) // _COLUMNS)
    figure = style.blank(11.6, 2.2 * rows)
    grid = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for axes in grid[len(views) :]:
        axes.set_axis_off()
    for axes, view in zip(grid, views, strict=False):
        limits = {name: float(options[name]) for name in view.limits if options.get(name) is not None}
        _histogram(axes, view, _values(kept, view), _values(rejected, view), limits)
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles[:2], labels[:2], loc="outside lower left", ncols=2)
    return figure


def _histogram(
    axes: Axes, view: View, kept: NDArray[np.float64], rejected: NDArray[np.float64], limits: dict[str, float]
) -> None:
    everything = np.concatenate([kept, rejected])
    usable = everything[everything > 0] if view.is_log else everything
    shown = np.concatenate([usable, [limit for limit in limits.values() if limit > 0 or not view.is_log]])
    if not len(shown):
        axes.set_axis_off()
        return
    low, high = float(shown.min()), float(shown.max())
    if view.is_log:
        edges = np.geomspace(low * 0.95, high * 1.05, _NUM_BINS + 1)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(_plain))
        axes.xaxis.set_minor_locator(NullLocator())  # each tick takes as long to lay out as a line
    else:
        edges = np.linspace(low - 0.01, high + 0.01, _NUM_BINS + 1)
    counts = [np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0] for values in (kept, rejected)]
    # Two outlines: a rectangle for each bin takes ten times as long to draw.
    axes.stairs(counts[0], edges, fill=True, color=KEPT, label="kept")
    axes.stairs(counts[0] + counts[1], edges, baseline=counts[0], fill=True, color=REJECTED, label="rejected")
    axes.set_title(view.title, fontsize=9.5)
    axes.set_yscale("function", functions=(np.sqrt, np.square))
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.grid(True, axis="y")
    for name, limit in limits.items():
        _limit(axes, limit, None)
        axes.annotate(
            f"{name} {limit:g}",
            (limit, 1),
            (-3 if name.startswith("max_") else 3, -3),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="right" if name.startswith("max_") else "left",
            va="top",
            fontsize=7.5,
            bbox=_PAPER,
        )


def _values(samples: pl.DataFrame, view: View) -> NDArray[np.float64]:
    return samples.select(view.value.cast(pl.Float64)).to_series().drop_nulls().to_numpy()


def _limit(axes: Axes, value: float, label: str | None) -> None:
    axes.axvline(value, color=LIMIT, linewidth=1.1, linestyle=(0, (4, 2)), label=label)


def _class_name(name: str) -> str:
    """Show spaces that would not be seen."""
    return style.short(name) if name == name.strip() else f"“{name}”"


def _plain(value: float, _: object) -> str:
    return f"{value:g}"
