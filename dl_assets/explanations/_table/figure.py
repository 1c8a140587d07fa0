"""The figure of how important columns are."""

import numpy as np
from matplotlib.figure import Figure

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.pages import style


@style.house
def bars(names: list[str], harmed: Floats, shares: Floats, label: str) -> Figure:
    """Draw two bars for each column: the harm of shuffling it [3, n] (value, low, high), its share of the gradients [n]."""
    places = np.arange(len(names))
    figure = style.blank(8.4, 1.3 + 0.26 * len(names))
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=[1.35, 1])
    value, low, high = harmed
    left.barh(places, np.nan_to_num(value), height=0.62, color=style.COLOURS[0])
    left.hlines(places, low, high, color=style.INK, linewidth=1)
    left.axvline(0, color=style.MUTED, linewidth=0.8)
    left.set(title="When a column is shuffled", xlabel=label)
    left.set_yticks(places, [style.short(name) for name in names])
    left.invert_yaxis()
    right.barh(places, 100 * shares, height=0.62, color=style.COLOURS[4])
    right.set(title="Integrated gradients", xlabel="share of the answers, %", xlim=(0, None))
    for axes in (left, right):
        axes.grid(True, axis="x")
        axes.spines["left"].set_visible(False)
        axes.margins(y=0.02)
    return figure
