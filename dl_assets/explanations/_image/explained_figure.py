"""The figure of explained answers: each picture beside what spoke for the answer."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.pages import style

DPI = 96
_TILE, _GAP, _BETWEEN, _HEAD, _MARGIN = 1.02, 0.05, 0.22, 0.36, 0.08  # inches
_COLUMNS = 2
_AGAINST_FOR = LinearSegmentedColormap.from_list("against_for", [style.COLOURS[0], "white", style.COLOURS[1]])
_SMOOTH = 48  # px; pixels of smaller pictures are shown as squares
_NEIGHBOURS = 0.015  # deviation by which the gradients of such a picture are smoothed, as a share of its side
_LIT = 0.65  # how much of the picture the strongest place of a map covers


@dataclass(frozen=True)
class Explained:
    """`picture` is what the network is shown of it, uint8 [H, W, C]; `grad_cam` and `gradients` are maps [H, W] of it."""

    sample: str
    told: str
    picture: NDArray[np.uint8]
    grad_cam: Floats | None
    gradients: Floats


@style.house
def explained_figure(shown: Sequence[Explained]) -> Figure:
    """Draw each picture, Grad-CAM over it, and integrated gradients, two samples in a row."""
    tiles = 2 if shown[0].grad_cam is None else 3
    group = tiles * _TILE + (tiles - 1) * _GAP
    rows, columns = -(-len(shown) // _COLUMNS), min(len(shown), _COLUMNS)
    width = 2 * _MARGIN + columns * group + (columns - 1) * _BETWEEN
    height = 2 * _MARGIN + rows * (_HEAD + _TILE) + (rows - 1) * _BETWEEN / 2
    figure = Figure(figsize=(width, height), dpi=style.DPI)
    for place, one in enumerate(shown):
        left = _MARGIN + (place % _COLUMNS) * (group + _BETWEEN)
        top = height - _MARGIN - (place // _COLUMNS) * (_HEAD + _TILE + _BETWEEN / 2)
        figure.text(left / width, (top - 0.02) / height, one.told, va="top", fontsize=8, fontweight="bold")
        captions = (one.sample, *(("Grad-CAM", "gradients")[3 - tiles :]))
        for tile, caption in enumerate(captions):
            x = left + tile * (_TILE + _GAP)
            figure.text(x / width, (top - 0.19) / height, caption, va="top", fontsize=6.5, color=style.MUTED)
        bottom = (top - _HEAD - _TILE) / height
        places = [((left + tile * (_TILE + _GAP)) / width, bottom, _TILE / width, _TILE / height) for tile in range(tiles)]
        _draw(one, [figure.add_axes(place) for place in places])
    return figure


def _draw(one: Explained, axes: list[Axes]) -> None:
    smooth = "nearest" if max(one.picture.shape[:2]) < _SMOOTH else "antialiased"
    grey = one.picture.mean(axis=-1)
    plain = one.picture[..., 0] if one.picture.shape[-1] == 1 else one.picture
    axes[0].imshow(plain, cmap="gray", vmin=0, vmax=255, interpolation=smooth)
    if one.grad_cam is not None:
        axes[1].imshow(grey, cmap="gray", vmin=0, vmax=255, interpolation=smooth)
        axes[1].imshow(one.grad_cam, cmap="inferno", vmin=0, vmax=1, alpha=_LIT * one.grad_cam, interpolation="bilinear")
    gradients = _smoothed(one.gradients)
    most = float(np.quantile(np.abs(gradients), 0.99)) or 1.0
    axes[-1].imshow(gradients, cmap=_AGAINST_FOR, vmin=-most, vmax=most, interpolation=smooth)
    for axis in axes:
        axis.set(xticks=[], yticks=[])
        axis.spines[["top", "right"]].set_visible(True)


def _smoothed(gradients: Floats) -> Floats:
    """Take neighbours of a large picture together: single pixels of it cannot be seen, and pooling picks them by chance."""
    side = max(gradients.shape)
    if side < _SMOOTH:
        return gradients
    smoothed: Floats = cv2.GaussianBlur(gradients, (0, 0), side * _NEIGHBOURS)
    return smoothed
