"""Figures of a classifier: reliability diagram and cumulative gain; confusion matrices and curves are in files of their own."""

import numpy as np
import polars as pl
from matplotlib.figure import Figure
from numpy.typing import NDArray

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.evaluation.classes_curves import calibration as calibration_table
from dl_assets.evaluation.classes_scores import NUM_BINS
from dl_assets.evaluation.headline import percent
from dl_assets.pages import style


@style.house
def calibration(confidence: Floats, correct: NDArray[np.bool_]) -> Figure:
    """How often the model is right at each confidence, how often it is that confident, and the mean gap of both."""
    bins = calibration_table(confidence, correct)
    middle, right, counts, places = (bins[name].to_numpy() for name in ("confidence", "correct", "count", "bin"))
    figure = style.blank(5.8, 4.4)
    top, bottom = figure.subplots(2, 1, height_ratios=[3.2, 1], sharex=True)
    error = percent(float((counts * np.abs(middle - right)).sum() / max(counts.sum(), 1)))
    style.square_axes(top, f"Calibration: off by {error} on average", "", "share that is correct")
    top.vlines(middle, np.minimum(middle, right), np.maximum(middle, right), color=style.COLOURS[1], linewidth=3, alpha=0.35)
    top.plot(middle, right, color=style.COLOURS[0], linewidth=1)
    top.scatter(middle, right, s=12 + 120 * counts / counts.max(), color=style.COLOURS[0], zorder=3, clip_on=False)
    top.set_aspect("auto")
    top.text(0.03, 0.97, "above the line: too modest\nbelow the line: too sure", va="top", fontsize=8, color=style.MUTED)
    bottom.bar((places + 0.5) / NUM_BINS, counts, width=0.9 / NUM_BINS, color=style.COLOURS[0])
    bottom.set(xlabel="confidence of the answer", ylabel="answers")
    bottom.locator_params(axis="y", nbins=3, integer=True)
    return figure


@style.house
def cumulative_gain(gains: pl.DataFrame, share: float, positive: str) -> Figure:
    """How many of the positive class, a `share` of all samples, are found by taking those that score highest; and the lift."""
    figure = style.blank(6.4, 4.2)
    left, right = figure.subplots(1, 2)
    taken = gains["taken"].to_numpy()
    left.plot([0, share, 1], [0, 1, 1], color=style.MUTED, linestyle=style.DASHES[2], linewidth=1, label="perfect")
    left.plot([0, *taken], [0, *gains["gain"]], color=style.COLOURS[0], label="the model")
    left.plot([0, 1], [0, 1], color=style.LINE, linewidth=1, label="at random")
    left.set(title=f"Gain, “{style.short(positive)}”", ylabel="share of them that is found", ylim=(0, 1.015))
    left.legend(loc="lower right")
    right.plot(taken, gains["lift"], color=style.COLOURS[0])
    right.axhline(1, color=style.LINE, linewidth=1)
    right.set(title="Lift", ylabel="times as many as at random")
    right.set_ylim(bottom=0)
    for axes in (left, right):
        axes.set(xlabel="share of samples taken", xlim=(0, 1))
        axes.grid(True)
    return figure
