"""Figures of a classifier: ROC curves, confusion matrix, reliability diagram."""

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.evaluation.classes_curves import Ranking, confusion_counts, roc_points
from dl_assets.evaluation.classes_scores import NUM_BINS, Answers, confidence_bins
from dl_assets.pages import style

MAX_CURVES, WORST_CURVES = 20, 6
MAX_ANNOTATED, MAX_NAMED = 30, 80
_GRID = np.linspace(0, 1, 501)


@style.house
def roc_curve(answers: Ranking, areas: Floats) -> Figure:
    """One curve for each class and their mean; above 20 classes only the mean and the six of the worst areas [C]."""
    drawn = np.flatnonzero(~np.isnan(areas))
    curves = {int(index): _curve(answers, int(index)) for index in drawn}
    figure = style.blank(6.4, 4.2)
    axes = style.square_axes(figure.add_subplot(), "ROC curves", "false positive rate", "true positive rate")
    shown, title = drawn, "area and class"
    if len(drawn) > MAX_CURVES:
        shown, title = drawn[np.argsort(areas[drawn], kind="stable")][:WORST_CURVES], f"area and class: worst of {len(drawn)}"
    if len(drawn):
        mean = np.mean([np.interp(_GRID, x, y) for x, y in curves.values()], axis=0)
        axes.plot(
            [0, *_GRID], [0, *mean], color=style.INK, linewidth=2.4, zorder=3, label=f"{areas[drawn].mean():.3f}  macro mean"
        )
    for index, stroke in zip(shown, style.strokes(), strict=False):
        axes.plot(*curves[int(index)], label=f"{areas[index]:.3f}  {style.short(answers.classes[index])}", **stroke)
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles, labels, title=title, alignment="left", loc="center left", bbox_to_anchor=(1.02, 0.5), handlelength=2.6)
    return figure


@style.house
def confusion_matrix(answers: Answers) -> Figure:
    """Counts of target (row) by prediction (column); the colour is the share of the row."""
    counts = confusion_counts(answers)
    size = len(counts)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = float(np.clip(0.34 * size, 2.4, 10.5))
    figure = style.blank(side + 2.2, side + 1.4)
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    bar = figure.colorbar(image, ax=axes, shrink=0.7, aspect=24, label="share of the target's samples")
    bar.outline.set_visible(False)
    axes.set(title="Confusion matrix", xlabel="prediction", ylabel="target")
    axes.spines[:].set_visible(False)
    names = [style.short(name) for name in answers.classes] if size <= MAX_NAMED else []
    font = float(np.clip(250 / size, 5, 8.5))
    turned = max((len(name) for name in names), default=0) > 3
    axes.set_xticks(
        range(len(names)),
        names,
        fontsize=font,
        rotation=45 if turned else 0,
        ha="right" if turned else "center",
        rotation_mode="anchor" if turned else "default",
    )
    axes.set_yticks(range(len(names)), names, fontsize=font)
    if size <= MAX_ANNOTATED:
        for row, column in zip(*np.nonzero(counts), strict=True):
            axes.text(
                column,
                row,
                f"{counts[row, column]:,}",
                ha="center",
                va="center",
                fontsize=font,
                color="white" if shares[row, column] > 0.55 else style.INK,
            )
    return figure


@style.house
def calibration(confidence: Floats, correct: NDArray[np.bool_]) -> Figure:
    """How often the model is right at each confidence, and how often it is that confident; bins of Guo et al. 2017."""
    bins = confidence_bins(confidence)
    counts = np.bincount(bins, minlength=NUM_BINS)
    filled = counts > 0
    middle = np.bincount(bins, weights=confidence, minlength=NUM_BINS)[filled] / counts[filled]
    right = np.bincount(bins, weights=correct, minlength=NUM_BINS)[filled] / counts[filled]
    figure = style.blank(5.8, 4.4)
    top, bottom = figure.subplots(2, 1, height_ratios=[3.2, 1], sharex=True)
    style.square_axes(top, "Calibration", "", "share that is correct")
    top.vlines(middle, np.minimum(middle, right), np.maximum(middle, right), color=style.COLOURS[1], linewidth=3, alpha=0.35)
    top.plot(middle, right, color=style.COLOURS[0], linewidth=1)
    top.scatter(middle, right, s=12 + 120 * counts[filled] / counts.max(), color=style.COLOURS[0], zorder=3, clip_on=False)
    top.set_aspect("auto")
    top.text(0.03, 0.97, "above the line: too modest\nbelow the line: too sure", va="top", fontsize=8, color=style.MUTED)
    bottom.bar((np.arange(NUM_BINS) + 0.5) / NUM_BINS, counts, width=0.9 / NUM_BINS, color=style.COLOURS[0])
    bottom.set(xlabel="confidence of the answer", ylabel="answers")
    bottom.locator_params(axis="y", nbins=3, integer=True)
    return figure


def _curve(answers: Ranking, index: int) -> tuple[Floats, Floats]:
    false_positive, true_positive, _ = roc_points(answers.inside(index), answers.probabilities[:, index])
    return false_positive, true_positive
