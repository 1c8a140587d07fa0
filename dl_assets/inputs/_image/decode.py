"""Strict decoding: from the bytes of a file to upright uint8 pixels, or to a Rejection that says what is wrong."""

import warnings
from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dl_assets.artifacts.rejection import Rejection, TooLarge
from dl_assets.inputs._image.jpeg import decode_jpeg, require_whole_jpeg

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

Pixels = NDArray[np.uint8]

# Opened by their content, whatever the file is called. Not EPS (Pillow runs Ghostscript on it) nor TGA (no signature).
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "PPM", "JPEG2000")
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"RIFF")
_END_OF_PNG = b"IEND\xaeB`\x82"
_SAYS_CUT_OFF = ("truncated", "premature", "unexpected end")
_WHOLE_NUMBERS = ("I", "I;16", "I;16L", "I;16B", "I;16N")
_TURNS: dict[int, Callable[[Pixels], Pixels]] = {  # by EXIF orientation, [H, W, C] -> [H, W, C] or [W, H, C]
    2: lambda pixels: pixels[:, ::-1],
    3: lambda pixels: pixels[::-1, ::-1],
    4: lambda pixels: pixels[::-1],
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: lambda pixels: np.rot90(pixels),
}


def decode(payload: bytes, *, channels: int, least_side: int, max_pixels: int) -> tuple[Pixels, tuple[int, int]]:
    """Return the upright picture as uint8 [H, W, channels], and the width and height of the original in px.

    A JPEG is decoded at a fraction of its size where no side becomes shorter than `least_side`. Transparent parts
    become white; of an animation the first frame is taken. Raises Rejection for what is no picture or is damaged.
    """
    picture = _open(payload)
    width, height = picture.size
    if width * height > max_pixels:
        raise TooLarge("unreadable", f"{width} x {height} px is more than max_pixels ({max_pixels})")
    try:
        pixels = _pixels(payload, picture, channels, least_side)
        turn = _orientation(picture)
    except (Rejection, MemoryError):
        raise
    except Exception as error:  # broken files make decoders raise whatever Python can raise
        raise _broken(error) from error
    if turn in _TURNS:
        pixels = np.ascontiguousarray(_TURNS[turn](pixels))
    return pixels, ((height, width) if turn >= 5 else (width, height))


def _open(payload: bytes) -> "Picture":
    """Read the header only."""
    from PIL import Image

    if not payload:
        raise Rejection("unreadable", "0 bytes")
    Image.MAX_IMAGE_PIXELS = None  # `max_pixels` takes its place, which the user can set
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        return Image.open(BytesIO(payload), formats=FORMATS)
    except Exception as error:  # as in `decode`
        start = f"{len(payload)} bytes that start with {payload[:16]!r}"
        if payload.startswith(_SIGNATURES):
            raise Rejection("unreadable", f"a picture whose header is broken or cut off: {start}") from error
        raise Rejection("unreadable", f"no picture: {start}; read are {', '.join(FORMATS)}") from error


def _pixels(payload: bytes, picture: "Picture", channels: int, least_side: int) -> Pixels:
    is_jpeg = picture.format in ("JPEG", "MPO")
    if is_jpeg and picture.mode in ("L", "RGB"):
        return decode_jpeg(payload, picture.size, channels, least_side)
    if is_jpeg:
        require_whole_jpeg(payload)
    picture.load()
    if picture.format == "PNG" and _END_OF_PNG not in payload:
        raise Rejection("truncated", "the end of the PNG file is missing")  # and with it the last check sum
    return np.array(_flat(picture, "L" if channels == 1 else "RGB")).reshape(picture.height, picture.width, channels)


def _flat(picture: "Picture", mode: str) -> "Picture":
    """Turn palettes, transparency, 16 bits and CMYK into 8-bit `L` or `RGB`."""
    from PIL import Image

    if picture.mode in (*_WHOLE_NUMBERS, "F"):
        picture = Image.fromarray(_eight_bits(np.asarray(picture), picture.mode))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert(mode)


def _eight_bits(values: NDArray[Any], mode: str) -> Pixels:
    """Scale 0..65535 (whole numbers) or 0..1 (fractions) to 0..255."""
    low, high, most = float(values.min()), float(values.max()), 1.0 if mode == "F" else 65535.0
    if not (low >= 0 and high <= most):
        raise Rejection("unreadable", f"pixels from {low:g} to {high:g}; expected are 0 to {most:g} for pixels of mode {mode}")
    return np.round(values * (255 / most)).astype(np.uint8)


def _orientation(picture: "Picture") -> int:
    """Return the EXIF orientation, 1 (upright) to 8; 1 where there is none or it makes no sense."""
    try:
        value = picture.getexif().get(0x0112, 1)
    except Exception:  # noqa: BLE001 - as in `decode`; the pixels are fine, only the note beside them is not
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _broken(error: Exception) -> Rejection:
    text = " ".join(str(error).split()) or type(error).__name__
    is_cut_off = isinstance(error, EOFError) or any(word in text.lower() for word in _SAYS_CUT_OFF)
    return Rejection("truncated" if is_cut_off else "unreadable", text)
