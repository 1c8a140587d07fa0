"""The panel that tells what worse pictures do to the network."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.evaluation.panel import Panel
from dl_assets.explanations._image.corruptions import CORRUPTIONS, SEVERITIES, corrupted
from dl_assets.explanations._image.curves import cells, draw, shares
from dl_assets.explanations._image.exam import Exam
from dl_assets.pages import style

FIGURE = "corruptions"
_COLUMNS = 2
_SMOOTH = 48  # px; smaller pictures keep their square pixels
_GAP = 0.04  # between pictures, of their side


def worse_pictures(exam: Exam, seed: int) -> Panel:
    """Corrupt the pictures in several ways, ever more, and tell how many answers are still right."""
    everyone = np.arange(len(exam))
    clean = exam.is_right(exam.pixels(everyone), everyone)
    found, examples, example = {}, {}, _richest(exam.pictures)
    for name in CORRUPTIONS:
        hits, strip = [clean], [exam.pictures[example]]
        for severity in SEVERITIES:
            changed = corrupted(exam.pictures, name, severity, seed)
            hits.append(exam.is_right(exam.asked.pixels(changed), everyone))
            strip.append(changed[example])
        found[name], examples[name] = shares(np.stack(hits)), strip
    metric = exam.kind.judge.slice_metric
    return Panel(
        title="Worse pictures",
        note=(
            f"{metric.label.capitalize()} for {exam.told} samples of test whose pictures are spoilt as the world spoils them, "
            "from 1 (a little) to 5 (badly); below each curve, what that makes of one of them. Where a curve falls and such "
            "pictures are to be expected, let augmentation show the network some. 95 % intervals (Wilson)."
        ),
        figures={FIGURE: style.png(_figure(found, examples, metric.title))},
        columns=[f"{metric.title} by severity", "clean", *map(str, SEVERITIES)],
        rows=[[name, *cells(values)] for name, values in found.items()],
    )


def _richest(pictures: NDArray[np.uint8]) -> int:
    """Return which picture has the most contrast: of an even one nobody sees what became of it."""
    return int(np.argmax([picture.std() for picture in pictures]))


@style.house
def _figure(found: dict[str, Floats], examples: dict[str, list[NDArray[np.uint8]]], label: str) -> Figure:
    rows = -(-len(found) // _COLUMNS)
    figure = Figure(figsize=(5.6, 2.15 * rows), dpi=style.DPI)  # laid out by hand: to try it out takes a second
    edges = {"left": 0.1, "right": 0.99, "top": 0.95, "bottom": -0.03}
    # Of each curve, of the pictures below it, and of nothing, so that these are not taken for the next one's.
    grid = figure.add_gridspec(3 * rows, _COLUMNS, height_ratios=[2.6, 1, 0.3] * rows, hspace=0.3, wspace=0.17, **edges)
    for place, (name, values) in enumerate(found.items()):
        row, column = 3 * (place // _COLUMNS), place % _COLUMNS
        curve, strip = (figure.add_subplot(grid[row + offset, column]) for offset in range(2))
        draw(curve, np.arange(values.shape[1]), values, {"color": style.COLOURS[0]})
        curve.set(title=name, xlim=(-0.5, len(SEVERITIES) + 0.5), ylabel=label if column == 0 else "")
        curve.set_xticks(range(values.shape[1]), ["clean", *map(str, SEVERITIES)])
        _draw_strip(strip, examples[name])
    return figure


def _draw_strip(axes: Axes, pictures: list[NDArray[np.uint8]]) -> None:
    """Show pictures side by side, each below its place on the curve."""
    axes.set_axis_off()
    half = (1 - _GAP) / 2
    smooth = "nearest" if max(pictures[0].shape[:2]) < _SMOOTH else "antialiased"
    for place, picture in enumerate(pictures):
        plain = picture[..., 0] if picture.shape[-1] == 1 else picture
        extent = (place - half, place + half, -half, half)
        axes.imshow(plain, cmap="gray", vmin=0, vmax=255, extent=extent, interpolation=smooth)
        axes.add_patch(Rectangle((place - half, -half), 2 * half, 2 * half, fill=False, edgecolor=style.LINE, linewidth=0.6))
    axes.set(xlim=(-0.5, len(pictures) - 0.5), ylim=(-0.5, 0.5))
