"""The figures of ROC and precision-recall curves, of classes and of labels."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.evaluation.ranking import areas
from dl_assets.evaluation.ranking_curves import (
    GRID,
    Ranking,
    flattened,
    macro_precision,
    macro_roc,
    precision_recall_points,
    roc_points,
)
from dl_assets.pages import style

MAX_CURVES, WORST_CURVES = 20, 6


@dataclass(frozen=True)
class _Kind:
    """How one kind of curve is computed and named; `area` is which of `ranking.areas` it has."""

    area: int
    title: str
    points: Callable[[NDArray[np.bool_], Floats], tuple[Floats, Floats]]
    macro: Callable[[Ranking, NDArray[np.int64]], Floats]


def _steps(inside: NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats]:
    """Return the corners of the precision-recall curve: at each recall the precision of the next point holds."""
    recall, precision, _ = precision_recall_points(inside, scores)
    return np.repeat([0.0, *recall], 2)[1:-1], np.repeat(precision, 2)


def _line(inside: NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats]:
    x, y, _ = roc_points(inside, scores)
    return x, y


_ROC = _Kind(0, "area", _line, macro_roc)
_PRECISION = _Kind(1, "average precision", _steps, macro_precision)


@style.house
def roc_curve(answers: Ranking, values: Floats, *, averages: bool = True) -> Figure:
    """One curve for each class, and both averages where asked; above 20 classes the averages and the six of the worst areas."""
    figure = style.blank(6.4, 4.2)
    axes = style.square_axes(figure.add_subplot(), "ROC curves", "false positive rate", "true positive rate")
    _draw(axes, _ROC, answers, values, averages=averages)
    return figure


@style.house
def precision_recall(answers: Ranking, values: Floats, *, averages: bool = True) -> Figure:
    """The same for precision over recall, of classes that have samples."""
    figure = style.blank(6.4, 4.2)
    axes = figure.add_subplot()
    axes.set(xlim=(-0.015, 1.015), ylim=(-0.015, 1.015), xlabel="recall", ylabel="precision", aspect="equal")
    axes.set_title("Precision and recall")
    axes.grid(True)
    _draw(axes, _PRECISION, answers, values, averages=averages)
    return figure


def _draw(axes: Axes, kind: _Kind, answers: Ranking, values: Floats, *, averages: bool) -> None:
    """Draw the curves of classes whose value [C] is defined."""
    drawn = shown = np.flatnonzero(~np.isnan(values))
    if not len(drawn):
        return
    title = f"{kind.title} and class"
    if len(drawn) > MAX_CURVES:
        shown, title = drawn[np.argsort(values[drawn], kind="stable")][:WORST_CURVES], f"{title}:\nworst of {len(drawn)}"
    if averages:
        _draw_averages(axes, kind, answers, values, drawn)
    for index, stroke in zip(map(int, shown), style.strokes(), strict=False):
        curve = kind.points(answers.inside(index), answers.probabilities[:, index])
        axes.plot(*curve, label=f"{values[index]:.3f}  {style.short(answers.classes[index])}", **stroke)
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles, labels, title=title, alignment="left", loc="center left", bbox_to_anchor=(1.02, 0.5), handlelength=2.6)


def _draw_averages(axes: Axes, kind: _Kind, answers: Ranking, values: Floats, drawn: NDArray[np.int64]) -> None:
    inside, scores = flattened(answers)
    micro = areas(scores, inside, np.ones((1, len(scores))))[kind.area][0]
    stroke: dict[str, Any] = {"color": style.INK, "linewidth": 2.2, "zorder": 3}
    axes.plot(GRID, kind.macro(answers, drawn), label=f"{values[drawn].mean():.3f}  macro average", **stroke)
    axes.plot(*kind.points(inside, scores), label=f"{micro:.3f}  micro average", **stroke, linestyle=style.DASHES[2])
