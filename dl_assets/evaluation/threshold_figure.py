"""The figure of how a threshold was chosen."""

from matplotlib.figure import Figure

from dl_assets.evaluation.threshold import Thresholds
from dl_assets.pages import style
from dl_assets.sections import Cost


@style.house
def threshold_curves(measured: Thresholds, chosen: int, positive: str, cost: Cost) -> Figure:
    """Precision, recall, F1 and cost of val over the threshold, and which one was chosen."""
    figure = style.blank(6.4, 4.6)
    top, bottom = figure.subplots(2, 1, height_ratios=[2.2, 1], sharex=True)
    strokes = style.strokes()
    for name, values in {"precision": measured.precision, "recall": measured.recall, "F1": measured.f1}.items():
        top.plot(measured.values, values, label=name, **next(strokes))
    bottom.plot(measured.values, measured.cost(cost), **next(strokes))
    for axes in (top, bottom):
        axes.axvline(measured.values[chosen], color=style.INK, linewidth=1)
        axes.grid(True)
    top.set(title=f"Threshold of “{style.short(positive)}”, on val", ylim=(-0.015, 1.015), xlim=(0, 1))
    top.legend(loc="upper left", bbox_to_anchor=(1.02, 1), title=f"{measured.values[chosen]:.3f} is chosen", alignment="left")
    bottom.set(xlabel="probability from which on it is said", ylabel="cost a sample")
    bottom.set_ylim(bottom=0)
    return figure
