"""How large the pictures of cleaned data are."""

import polars as pl

from dl_assets.pages.canvas import INK, KEPT, LINE, REJECTED, Canvas
from dl_assets.pages.scales import Scale, tell

_MAX_POINTS = 4_000
_WIDTH, _HEIGHT = 500, 340
_LEFT, _TOP, _RIGHT, _BOTTOM = 56, 52, _WIDTH - 16, _HEIGHT - 64


def sizes(kept: pl.DataFrame, rejected: pl.DataFrame) -> Canvas:
    """Width and height of every picture; the larger a point, the more are of that size."""
    canvas = Canvas(_WIDTH, _HEIGHT)
    counts = [_count_sizes(samples) for samples in (kept, rejected)]
    everyone = pl.concat(counts, how="vertical_relaxed")
    across, down = (_around(everyone[side]) for side in ("width", "height"))
    for tick in across.ticks(6):
        x = across.place(tick, _LEFT, _RIGHT)
        canvas.bar(x - 0.5, _TOP, x + 0.5, _BOTTOM, LINE)
        canvas.words(x, _BOTTOM + 5, tell(tick), "ma")
    for tick in down.ticks(6):
        y = down.place(tick, _BOTTOM, _TOP)
        canvas.bar(_LEFT, y - 0.5, _RIGHT, y + 0.5, LINE)
        canvas.words(_LEFT - 6, y, tell(tick), "rm")
    for table, colour in zip(counts, (KEPT, REJECTED), strict=True):
        columns = across.share(table["width"].to_numpy()), down.share(table["height"].to_numpy()), table["len"].to_numpy()
        for x, y, num in zip(*columns, strict=True):
            radius = min(2.4 * float(num) ** 0.25, 15.0)
            canvas.dot(_LEFT + x * (_RIGHT - _LEFT), _BOTTOM - y * (_BOTTOM - _TOP), radius, colour, 0.4)
    canvas.words(_RIGHT, _BOTTOM + 22, "width, px", "ra")
    canvas.words(0, 30, "height, px", "la")
    canvas.words(0, 4, "Sizes", "la", size=14, colour=INK, bold=True)
    canvas.legend()
    return canvas


def _count_sizes(samples: pl.DataFrame) -> pl.DataFrame:
    """Return the commonest sizes, commonest first."""
    counts = samples.select("width", "height").drop_nulls().group_by("width", "height").len()
    return counts.sort("len", "width", "height", descending=[True, False, False]).head(_MAX_POINTS)


def _around(values: pl.Series) -> Scale:
    """Leave some room on both sides, more where all values are alike."""
    low, high = float(values.min()), float(values.max())  # type: ignore[arg-type]
    room = 1.08 if high > 1.2 * low else 1.5
    return Scale(low / room, high * room, is_log=True)
