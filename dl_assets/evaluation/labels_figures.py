"""The figure of what became of each label; curves are those of `ranking_figures`."""

import numpy as np
from matplotlib.figure import Figure

from dl_assets.evaluation.labels_curves import outcomes
from dl_assets.evaluation.labels_scores import LabelAnswers
from dl_assets.pages import style

MAX_BARS = 40


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
