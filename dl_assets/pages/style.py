"""The one look of all figures: quiet axes, colours that colour-blind readers can tell apart, reproducible PNG bytes."""

import io
from collections.abc import Iterator
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

DPI = 150
INK, MUTED, LINE = "#1f2933", "#5b6773", "#d5dbe1"
# Okabe and Ito 2008 without its yellow, which is too pale on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#7F3C8D")
DASHES = ("solid", (0, (5, 1.5)), (0, (1, 1)))
MAX_LABEL = 20

house = matplotlib.rc_context(
    {
        "font.family": ["DejaVu Sans"],
        "font.size": 9,
        "text.color": INK,
        "text.parse_math": False,
        "axes.edgecolor": LINE,
        "axes.labelcolor": MUTED,
        "axes.titlesize": 11,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.titlepad": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "grid.color": LINE,
        "grid.linewidth": 0.6,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "xtick.major.size": 0,
        "ytick.major.size": 0,
        "legend.frameon": False,
        "legend.fontsize": 8,
        "lines.linewidth": 1.6,
        "figure.facecolor": "white",
        "savefig.facecolor": "white",
    }
)


def blank(width: float, height: float) -> Figure:
    """Return an empty figure; sizes in inches. Whoever draws on it is marked `@style.house`."""
    return Figure(figsize=(width, height), layout="constrained", dpi=DPI)


def square_axes(axes: Axes, title: str, x: str, y: str) -> Axes:
    """Two axes from 0 to 1 with a grid, the diagonal, and no cut-off at the borders."""
    axes.plot([0, 1], [0, 1], color=LINE, linewidth=1, zorder=1)
    axes.set(xlim=(-0.015, 1.015), ylim=(-0.015, 1.015), xlabel=x, ylabel=y, title=title, aspect="equal")
    axes.grid(True)
    return axes


def strokes() -> Iterator[dict[str, Any]]:
    """Yield colour and dashes of one line after another, 21 different ones, then again."""
    while True:
        for dashes in DASHES:
            for colour in COLOURS:
                yield {"color": colour, "linestyle": dashes}


def short(name: str) -> str:
    """Cut the middle out of a long class name for a figure, and show its line breaks as spaces."""
    name = " ".join(name.split())
    return name if len(name) <= MAX_LABEL else f"{name[: MAX_LABEL - 8]}…{name[-7:]}"


@house
def png(figure: Figure, dpi: int = DPI) -> bytes:
    """Return the PNG; the same figure gives the same bytes, for no version or time is written into it."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()
