"""The figure of explained answers: each picture beside what spoke for the answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.pages import style

DPI = 110
_TILE, _GAP, _BETWEEN, _HEAD, _MARGIN = 0.9, 0.04, 0.2, 0.37, 0.06  # inches
_CAPTIONS = 0.2  # inches, of the line at the top that says what each column shows
_COLUMNS = 2
_AGAINST_FOR = LinearSegmentedColormap.from_list("against_for", [style.COLOURS[0], "white", style.COLOURS[1]])
_SMOOTH = 48  # px; pixels of smaller pictures are shown as squares
_NEIGHBOURS = 0.015  # deviation by which the gradients of such a picture are smoothed, as a share of its side
_LIT = 0.65  # how much of the picture the strongest place of a map covers


@dataclass(frozen=True)
class Explained:
    """`picture` is what the network is shown of it, uint8 [H, W, C]; `grad_cam` and `gradients` are maps [H, W] of it."""

    told: str
    aside: str
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
    height = _CAPTIONS + 2 * _MARGIN + rows * (_HEAD + _TILE) + (rows - 1) * _BETWEEN / 2
    figure = Figure(figsize=(width, height), dpi=style.DPI)
    # One pair of axes in inches, from the top down: a pair for each picture would take most of the time.
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    for place, one in enumerate(shown):
        left = _MARGIN + (place % _COLUMNS) * (group + _BETWEEN)
        if place < _COLUMNS:
            _write_captions(axes, left, ("picture", "Grad-CAM", "gradients") if tiles == 3 else ("picture", "gradients"))
        _draw(axes, one, left, _CAPTIONS + _MARGIN + (place // _COLUMNS) * (_HEAD + _TILE + _BETWEEN / 2))
    axes.set(xlim=(0, width), ylim=(height, 0), aspect="auto")
    return figure


def _write_captions(axes: Axes, left: float, captions: Sequence[str]) -> None:
    for tile, caption in enumerate(captions):
        middle = left + tile * (_TILE + _GAP) + _TILE / 2
        axes.text(middle, _MARGIN, caption, ha="center", va="top", fontsize=7.5, color=style.MUTED)


def _draw(axes: Axes, one: Explained, left: float, top: float) -> None:
    smooth = "nearest" if max(one.picture.shape[:2]) < _SMOOTH else "antialiased"
    grey: dict[str, Any] = {"cmap": "gray", "vmin": 0, "vmax": 255, "interpolation": smooth}
    axes.text(left, top + 0.03, one.told, va="top", fontsize=9, fontweight="bold")
    axes.text(left, top + 0.2, one.aside, va="top", fontsize=7.5, color=style.MUTED)
    tiles = (_frame(axes, left + tile * (_TILE + _GAP), top + _HEAD) for tile in range(3))
    axes.imshow(one.picture.squeeze(-1) if one.picture.shape[-1] == 1 else one.picture, extent=next(tiles), **grey)
    if one.grad_cam is not None:
        place, lit = next(tiles), _LIT * one.grad_cam
        axes.imshow(one.picture.mean(axis=-1), extent=place, **grey)
        axes.imshow(one.grad_cam, cmap="inferno", vmin=0, vmax=1, alpha=lit, extent=place, interpolation="bilinear")
    gradients = _smoothed(one.gradients)
    most = float(np.quantile(np.abs(gradients), 0.99)) or 1.0
    axes.imshow(gradients, cmap=_AGAINST_FOR, vmin=-most, vmax=most, extent=next(tiles), interpolation=smooth)


def _frame(axes: Axes, left: float, top: float) -> tuple[float, float, float, float]:
    """Draw the frame of a tile, and return where it is as `imshow` asks for it."""
    axes.add_patch(Rectangle((left, top), _TILE, _TILE, fill=False, edgecolor=style.LINE, linewidth=0.8))
    return left, left + _TILE, top + _TILE, top


def _smoothed(gradients: Floats) -> Floats:
    """Take neighbours of a large picture together: single pixels of it cannot be seen, and pooling picks them by chance."""
    side = max(gradients.shape)
    if side < _SMOOTH:
        return gradients
    return np.asarray(cv2.GaussianBlur(gradients, (0, 0), side * _NEIGHBOURS), dtype=np.float64)
