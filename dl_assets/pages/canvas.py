"""A sheet for bars, dots, lines and words, drawn in a tenth of the time of a plotting library: `clean` draws at every run."""

import functools
import io
from importlib.util import find_spec
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

INK, MUTED, LINE = "#1f2933", "#5b6773", "#d5dbe1"
KEPT, REJECTED = "#0072b2", "#d55e00"  # Okabe and Ito 2008: colour-blind readers can tell them apart
SCALE = 1.5  # pixels for each px of the page, so that fine screens show sharp figures
_DASH, _GAP = 4, 2
_SMOOTHING = 4


class Canvas:
    """White at first; all places are px of the page, from the upper left corner. The same calls give the same bytes."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._image = Image.new("RGB", (round(SCALE * width), round(SCALE * height)), "white")
        self._draw = ImageDraw.Draw(self._image)

    def bar(self, left: float, top: float, right: float, bottom: float, colour: str) -> None:
        """Fill a rectangle; one that is thinner than a pixel becomes a pixel, one without any extent nothing."""
        if right <= left or bottom <= top:
            return
        x, y = round(SCALE * left), round(SCALE * top)
        ends = max(round(SCALE * right) - 1, x), max(round(SCALE * bottom) - 1, y)
        self._draw.rectangle((x, y, *ends), fill=colour)

    def dot(self, x: float, y: float, radius: float, colour: str, opacity: float = 1.0) -> None:
        mask = _disc(round(SCALE * radius), round(255 * opacity))
        place = round(SCALE * x) - mask.width // 2, round(SCALE * y) - mask.height // 2
        self._image.paste(colour, (*place, place[0] + mask.width, place[1] + mask.height), mask)

    def words(
        self, x: float, y: float, text: str, anchor: str, *, size: int = 11, colour: str = MUTED, bold: bool = False
    ) -> None:
        """Write one line, with a white rim; the anchor is Pillow's: l, m or r, then a (ascender), m or s (baseline)."""
        line = " ".join(text.split("\n"))
        font = _font(size, bold)
        self._draw.text((SCALE * x, SCALE * y), line, colour, font, anchor, stroke_width=SCALE, stroke_fill="white")

    def dashes(self, x: float, top: float, bottom: float) -> None:
        """Draw a dashed line straight down."""
        y = top
        while y < bottom:
            self.bar(x - 0.5, y, x + 0.5, min(y + _DASH, bottom), INK)
            y += _DASH + _GAP

    def put(self, other: "Canvas", left: int, top: int) -> None:
        self._image.paste(other._image, (round(SCALE * left), round(SCALE * top)))

    def legend(self, limit: str | None = None) -> None:
        """Say in the lower left corner what the colours mean, and perhaps the dashed line."""
        x, y = 4.0, self.height - 14
        for name, colour in (("kept", KEPT), ("rejected", REJECTED)):
            self.bar(x, y - 5, x + 18, y + 5, colour)
            self.words(x + 24, y, name, "lm")
            x += 24 + length(name) + 18
        if limit is not None:
            self.dashes(x + 6, y - 8, y + 8)
            self.words(x + 16, y, limit, "lm")

    def png(self) -> bytes:
        buffer = io.BytesIO()
        self._image.save(buffer, "PNG", compress_level=1)  # half the time of the default
        return buffer.getvalue()


def length(text: str, size: int = 11) -> float:
    """Return how wide a line of text is, in px."""
    return _font(size, bold=False).getlength(text) / SCALE


@functools.cache
def _font(size: int, bold: bool) -> ImageFont.FreeTypeFont:
    """Open the font that comes with matplotlib, which has the letters of most alphabets; matplotlib itself is not imported."""
    found = find_spec("matplotlib")
    assert found is not None and found.origin is not None, "matplotlib is one of our dependencies"
    file = Path(found.origin).parent / "mpl-data/fonts/ttf" / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")
    return ImageFont.truetype(file, SCALE * size, layout_engine=ImageFont.Layout.BASIC)


@functools.cache
def _disc(radius: int, opacity: int) -> Image.Image:
    side = _SMOOTHING * (2 * radius + 1)
    large = Image.new("L", (side, side))
    ImageDraw.Draw(large).ellipse((0, 0, side - 1, side - 1), fill=opacity)
    return large.reduce(_SMOOTHING)
