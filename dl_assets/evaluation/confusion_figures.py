"""The confusion matrix of a classifier as figures, readable from two classes to a hundred and more."""

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.evaluation.classes_curves import confusion_counts, shares_of
from dl_assets.evaluation.classes_scores import Answers
from dl_assets.pages import style

MAX_ANNOTATED, MAX_NAMED = 30, 120
_DARK = 0.45  # of the colour scale, above which a cell's number is white
_GAMMA = 0.5  # so that a mistake in a hundred can be seen
_EVERY = 10  # classes a line, where there are too many to follow a row by eye
_GLYPH = 0.62 / 72  # inches a letter is wide, a point of its size


@dataclass(frozen=True)
class _Place:
    """Where the matrix stands in its figure, in inches; a layout engine takes seconds for a hundred names."""

    side: float
    left: float
    bottom: float
    right: float = 1.15
    top: float = 0.5

    @property
    def width(self) -> float:
        return self.left + self.side + self.right

    @property
    def height(self) -> float:
        return self.bottom + self.side + self.top

    def rectangle(self, x: float, y: float, width: float, height: float) -> tuple[float, float, float, float]:
        """Return what matplotlib calls a rectangle of one that is given in inches from the matrix."""
        return (self.left + x) / self.width, (self.bottom + y) / self.height, width / self.width, height / self.height


def confusion_matrix(answers: Answers) -> Figure:
    """Counts of target (row) by prediction (column)."""
    counts = confusion_counts(answers)
    texts = [[f"{count:,}" for count in row] for row in counts]
    return _matrix(answers.classes, counts.astype(np.float64), texts, "Confusion matrix", "samples")


def confusion_shares(answers: Answers) -> Figure:
    """Which share of the samples of each target (row) got each prediction (column), in percent."""
    shares = shares_of(confusion_counts(answers))
    texts = [["<1" if share < 0.005 else f"{100 * share:.0f}" for share in row] for row in shares]
    return _matrix(answers.classes, 100 * shares, texts, "Confusion matrix, normalised", "% of the target's samples")


@style.house
def _matrix(classes: list[str], values: Floats, texts: list[list[str]], title: str, unit: str) -> Figure:
    size = len(classes)
    names = [style.short(name) for name in classes] if size <= MAX_NAMED else []
    font = float(np.clip(260 / size, 5, 8.5))
    longest = max(map(len, names), default=0)
    angle = 0 if longest <= 3 else 45 if size <= MAX_ANNOTATED else 90
    text = longest * font * _GLYPH
    place = _Place(float(np.clip(0.4 * size, 2.2, 11.5)), 0.5 + text, 0.45 + max(text * np.sin(np.radians(angle)), 0.15))
    figure = Figure(figsize=(place.width, place.height), dpi=style.DPI)
    axes = figure.add_axes(place.rectangle(0, 0, place.side, place.side))
    shades = PowerNorm(_GAMMA, vmin=0, vmax=max(float(values.max()), 1.0))
    image = axes.imshow(values, cmap="Blues", norm=shades, aspect="auto")
    _scale(figure, place, image, unit)
    axes.set(title=title, xlabel="prediction", ylabel="target")
    axes.spines[:].set_visible(False)
    ends = (
        {"rotation": angle, "ha": "right", "va": "center" if angle == 90 else "top", "rotation_mode": "anchor"} if angle else {}
    )
    axes.set_xticks(range(len(names)), names, fontsize=font)
    axes.set_yticks(range(len(names)), names, fontsize=font)
    for label in axes.get_xticklabels():
        label.set(**ends)
    if size <= MAX_ANNOTATED:
        _annotate(axes, texts, shades(values), font)
    else:
        _rule(axes, size)
    return figure


def _scale(figure: Figure, place: _Place, image: ScalarMappable, unit: str) -> None:
    height = min(0.8 * place.side, 4.0)
    axes = figure.add_axes(place.rectangle(place.side + 0.2, (place.side - height) / 2, 0.12, height))
    figure.colorbar(image, cax=axes, label=unit).outline.set_visible(False)


def _annotate(axes: Axes, texts: list[list[str]], shades: NDArray[np.floating], font: float) -> None:
    """Write into every cell that holds something."""
    for row, column in zip(*np.nonzero(shades), strict=True):
        colour = "white" if shades[row, column] > _DARK else style.INK
        axes.text(column, row, texts[row][column], ha="center", va="center", fontsize=font, color=colour)


def _rule(axes: Axes, size: int) -> None:
    """Draw a line after every tenth class."""
    for place in np.arange(_EVERY - 0.5, size - 1, _EVERY):
        axes.axhline(place, color=style.LINE, linewidth=0.6)
        axes.axvline(place, color=style.LINE, linewidth=0.6)
