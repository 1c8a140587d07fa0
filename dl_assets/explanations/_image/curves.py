"""Curves of shares with their intervals, as figures and tables show them."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.explanations._image.exam import Truths
from dl_assets.explanations._slices.shares import wilson


def shares(hits: Truths) -> Floats:
    """Return value, low and high, [3, K], of K rows of hits [K, N]."""
    counts = np.full(len(hits), hits.shape[1], dtype=np.float64)
    sums = hits.sum(axis=1).astype(np.float64)
    return np.stack([sums / counts, *wilson(sums, counts)])


def cells(values: Floats) -> list[str]:
    """Return each share [3, K] with its interval in percent, as few samples allow.

    >>> cells(np.array([[0.87], [0.743], [0.939]]))
    ['87 (74 to 94)']
    """
    return ["{:.0f} ({:.0f} to {:.0f})".format(*(100 * value)) for value in values.T]


def draw(axes: Axes, places: NDArray[Any], values: Floats, stroke: dict[str, Any], label: str | None = None) -> None:
    """Draw one curve of shares in percent, with its interval as a band."""
    value, low, high = 100 * values
    axes.fill_between(places, low, high, color=stroke["color"], alpha=0.15, linewidth=0)
    axes.plot(places, value, marker="o", markersize=3.5, label=label, **stroke)
    axes.set_ylim(-3, 103)
    axes.grid(True, axis="y")
