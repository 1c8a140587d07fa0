"""Figures of a model that gives any number of labels: precision against recall, and what became of each label."""

import numpy as np
from matplotlib.figure import Figure

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.evaluation.classes_figures import MAX_CURVES, WORST_CURVES
from dl_assets.evaluation.labels_curves import outcomes, precision_recall_points
from dl_assets.evaluation.labels_scores import LabelAnswers
from dl_assets.pages import style

MAX_BARS = 40


@style.house
def precision_recall(answers: LabelAnswers, areas: Floats) -> Figure:
    """One curve for each label that has samples; above 20 only those of the six lowest average precisions [L]."""
    drawn = np.flatnonzero(~np.isnan(areas))
    title = "average precision and label"
    if len(drawn) > MAX_CURVES:
        drawn, title = drawn[np.argsort(areas[drawn], kind="stable")][:WORST_CURVES], f"{title}: worst of {len(drawn)}"
    figure = style.blank(6.4, 4.2)
    axes = figure.add_subplot()
    axes.set(xlim=(-0.015, 1.015), ylim=(-0.015, 1.015), xlabel="recall", ylabel="precision", aspect="equal")
    axes.set_title("Precision and recall")
    axes.grid(True)
    for index, stroke in zip(drawn, style.strokes(), strict=False):
        recall, precision, _ = precision_recall_points(answers.inside(int(index)), answers.probabilities[:, index])
        label = f"{areas[index]:.3f}  {style.short(answers.classes[index])}"
        axes.step([0, *recall], [precision[0], *precision], where="post", label=label, **stroke)
    if len(drawn):
        axes.legend(title=title, alignment="left", loc="center left", bbox_to_anchor=(1.02, 0.5), handlelength=2.6)
    return figure


@style.house
def outcome_bars(answers: LabelAnswers) -> Figure:
    """Of each label how often it was found, missed, and seen where it is not; above 40 labels those of the most errors."""
    counts = outcomes(answers)
    worst = (counts["missed"] + counts["wrongly_seen"]).arg_sort(descending=True)[:MAX_BARS]
    shown = counts[worst.sort()].reverse()
    rows = np.arange(len(shown))
    figure = style.blank(6.4, 1.4 + 0.3 * len(shown))
    axes = figure.add_subplot()
    found, missed, seen = (shown[name].to_numpy() for name in ("found", "missed", "wrongly_seen"))
    axes.barh(rows, found, color=style.COLOURS[0], label="found")
    axes.barh(rows, missed, left=found, color=style.COLOURS[5], label="missed")
    axes.barh(rows, seen, left=found + missed, color=style.COLOURS[1], label="seen where it is not")
    axes.set(xlabel="test samples", title="What became of each label")
    axes.set_yticks(rows, [style.short(name) for name in shown["label"]])
    axes.locator_params(axis="x", integer=True)
    axes.legend(loc="upper left", bbox_to_anchor=(1.02, 1))
    return figure
