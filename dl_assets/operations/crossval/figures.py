"""Figures of a cross-validation: what the folds measured, and how their trainings went."""

from collections.abc import Sequence
from typing import Any

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dl_assets.evaluation.headline import Headline
from dl_assets.pages import style


@style.house
def fold_values(folds: Sequence[dict[str, Any]], metrics: dict[str, Any], headline: dict[str, Headline]) -> Figure:
    """A row for each metric: the folds as dots with their number, the mean as a line, the interval of the mean as a band."""
    shown = {name: words for name, words in headline.items() if name in metrics}
    figure = style.blank(6.0, 0.3 + 0.95 * len(shown))
    for axes, (name, words) in zip(figure.subplots(len(shown), 1, squeeze=False)[:, 0], shown.items(), strict=True):
        _row(axes, [(fold["fold"], fold["metrics"][name]) for fold in folds if name in fold["metrics"]], metrics[name], words)
    return figure


def _row(axes: Axes, values: list[tuple[int, float]], found: dict[str, float], words: Headline) -> None:
    if "low" in found:
        axes.axvspan(found["low"], found["high"], color=style.COLOURS[0], alpha=0.13, linewidth=0)
    axes.axvline(found["mean"], color=style.INK, linewidth=1.4)
    axes.scatter([value for _, value in values], [0] * len(values), s=34, color=style.COLOURS[0], edgecolor="white", zorder=3)
    for level, numbers in enumerate(_apart(values, found["highest"] - found["lowest"])):
        for fold, value in numbers:
            axes.annotate(str(fold), (value, 0), (0, 7 + 8 * level), textcoords="offset points", ha="center", fontsize=7)
    axes.set_title(words.label, fontsize=9, pad=4)
    axes.set(yticks=[], ylim=(-0.5, 1.0))
    axes.margins(x=0.06)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.xaxis.set_major_formatter(lambda value, _: words.show(value))
    axes.grid(visible=True, axis="x")


def _apart(values: list[tuple[int, float]], width: float) -> list[list[tuple[int, float]]]:
    """Divide the numbers over levels, so that those of near values do not lie on each other."""
    levels: list[list[tuple[int, float]]] = []
    for fold, value in sorted(values, key=lambda entry: entry[1]):
        free = next((level for level in levels if value - level[-1][1] > 0.03 * width), None)
        if free is None:
            levels.append(free := [])
        free.append((fold, value))
    return levels


@style.house
def learning_curves(folds: Sequence[dict[str, Any]], histories: Sequence[pl.DataFrame]) -> Figure:
    """The losses of all folds, and below them every val score, over the epochs; dots are the epochs that were kept."""
    scores = [name for name in histories[0].columns if name.startswith("val_") and name != "val_loss"]
    figure = style.blank(6.0, 3.0 + 2.2 * len(scores))
    all_axes = figure.subplots(1 + len(scores), 1, sharex=True, squeeze=False)[:, 0]
    for axes, name in zip(all_axes, ["val_loss", *scores], strict=True):
        for fold, history, stroke in zip(folds, histories, style.strokes(), strict=False):
            _curve(axes, history, name, fold["best_epoch"], {"label": f"fold {fold['fold']}", **stroke})
        axes.set_title(name.removeprefix("val_").replace("_", " "))
        axes.grid(visible=True)
    _train_losses(all_axes[0], histories)
    all_axes[-1].set_xlabel("epoch")
    all_axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    all_axes[0].legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), handlelength=2.6)
    return figure


def _curve(axes: Axes, history: pl.DataFrame, name: str, best_epoch: int, stroke: dict[str, Any]) -> None:
    axes.plot(history["epoch"].to_list(), history[name].to_list(), linewidth=1.3, **stroke)
    best = history.filter(epoch=best_epoch)[name].to_list()
    axes.plot([best_epoch] * len(best), best, "o", color=stroke["color"], markersize=5, markeredgecolor="white", zorder=3)


def _train_losses(axes: Axes, histories: Sequence[pl.DataFrame]) -> None:
    for index, history in enumerate(histories):
        epochs, losses = history["epoch"].to_list(), history["train_loss"].to_list()
        axes.plot(epochs, losses, color=style.LINE, linewidth=1, zorder=1, label="" if index else "train")
