"""What the payload of a picture means: strict decoding into uint8 pixels, and what a network is shown of them."""

import warnings
from collections.abc import Callable, Iterable, Sequence
from io import BytesIO
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dl_assets.artifacts.rejection import Rejection
from dl_assets.errors import DataError

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image as Picture
    from torch import nn

# Opened by their content, whatever the file is called. Not EPS (Pillow runs Ghostscript on it) nor TGA (no signature).
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "PPM", "JPEG2000")
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"RIFF")
_SAYS_CUT_OFF = ("truncated", "premature", "unexpected end")
_WHOLE_NUMBERS = ("I", "I;16", "I;16L", "I;16B", "I;16N")
# On 1,000 photos 80 px were no better than 64 in as many epochs, and worse in as much time (0.77 against 0.80 and 0.81).
_SUGGESTED_SIZE = 64


def clean(
    payload: bytes,
    *,
    image_size: Annotated[int, Field(ge=4, le=2048, description="side of the square that is stored, in px")] = 64,
    channels: Literal[1, 3] = 3,
    fit: Annotated[Literal["stretch", "crop", "pad"], Field(description="how a picture becomes square")] = "stretch",
    min_side: Annotated[int, Field(ge=1, description="pictures with a shorter side are rejected, in px")] = 8,
    max_pixels: Annotated[int, Field(ge=1, description="larger pictures are rejected before they are decoded")] = 100_000_000,
) -> tuple[NDArray[np.uint8], dict[str, int]]:
    """Decode one picture; return uint8 [image_size, image_size, channels], and its upright width and height in px.

    Raises Rejection for what is no picture, is damaged, or is too small. Transparent parts become white; of an
    animation the first frame is taken.
    """
    picture = _open(payload)
    _check_size(*picture.size, min_side, max_pixels)
    if picture.format in ("JPEG", "MPO"):
        _require_whole_jpeg(payload)
    width, height = picture.size
    try:
        # JPEG only: decodes at 1/2, 1/4 or 1/8, never below twice the size that is resized to next.
        picture.draft("L" if channels == 1 else "RGB", (2 * image_size, 2 * image_size))
        picture.load()
        turn = _orientation(picture)
        square = _SQUARES[fit](_turned(_flat(picture, "L" if channels == 1 else "RGB"), turn), image_size)
    except (Rejection, MemoryError):
        raise
    except Exception as error:  # broken files make Pillow's decoders raise whatever Python can raise
        raise _broken(error) from error
    if turn >= 5:
        width, height = height, width
    return np.array(square).reshape(image_size, image_size, channels), {"width": width, "height": height}


# ---- decoding --------------------------------------------------------------------------------------------------


def _open(payload: bytes) -> "Picture":
    """Read the header only."""
    from PIL import Image

    if not payload:
        raise Rejection("unreadable", "0 bytes")
    Image.MAX_IMAGE_PIXELS = None  # `max_pixels` takes its place, which the user can set
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        return Image.open(BytesIO(payload), formats=FORMATS)
    except Exception as error:  # as in `clean`
        start = f"{len(payload)} bytes that start with {payload[:16]!r}"
        if payload.startswith(_SIGNATURES):
            raise Rejection("unreadable", f"a picture whose header is broken or cut off: {start}") from error
        raise Rejection("unreadable", f"no picture: {start}; read are {', '.join(FORMATS)}") from error


def _check_size(width: int, height: int, min_side: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise Rejection("unreadable", f"{width} x {height} px is more than max_pixels ({max_pixels})")
    if min(width, height) < min_side:
        raise Rejection("too_small", f"{width} x {height} px (min_side is {min_side})")


def _require_whole_jpeg(payload: bytes) -> None:
    """Find what Pillow and OpenCV fill with grey without a word, such as a cut-off file with an end marker put on."""
    import simplejpeg

    try:
        # min_height and min_width must be given for min_factor to count; grey skips the work on colours.
        simplejpeg.decode_jpeg(payload, colorspace="GRAY", min_height=1, min_width=1, min_factor=8, strict=True)
    except ValueError as error:
        raise _broken(error) from error


def _broken(error: Exception) -> Rejection:
    text = " ".join(str(error).split()) or type(error).__name__
    is_cut_off = isinstance(error, EOFError) or any(word in text.lower() for word in _SAYS_CUT_OFF)
    return Rejection("truncated" if is_cut_off else "unreadable", text)


def _flat(picture: "Picture", mode: str) -> "Picture":
    """Turn palettes, transparency, 16 bits and CMYK into 8-bit `L` or `RGB`."""
    from PIL import Image

    if picture.mode in (*_WHOLE_NUMBERS, "F"):
        picture = Image.fromarray(_eight_bits(np.asarray(picture), picture.mode))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert(mode)


def _eight_bits(values: NDArray[Any], mode: str) -> NDArray[np.uint8]:
    """Scale 0..65535 (whole numbers) or 0..1 (fractions) to 0..255."""
    low, high, most = float(values.min()), float(values.max()), 1.0 if mode == "F" else 65535.0
    if not (low >= 0 and high <= most):
        raise Rejection("unreadable", f"pixels from {low:g} to {high:g}; expected are 0 to {most:g} for pixels of mode {mode}")
    return np.round(values * (255 / most)).astype(np.uint8)


def _orientation(picture: "Picture") -> int:
    """Return the EXIF orientation, 1 (upright) to 8; 1 where there is none or it makes no sense."""
    try:
        value = picture.getexif().get(0x0112, 1)
    except Exception:  # noqa: BLE001 - as in `clean`; the pixels are fine, only the note beside them is not
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _turned(picture: "Picture", orientation: int) -> "Picture":
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    return picture.transpose(turns[orientation]) if orientation in turns else picture


def _stretch(picture: "Picture", size: int) -> "Picture":
    return _resize(picture, size, size, (0, 0, *picture.size))


def _crop(picture: "Picture", size: int) -> "Picture":
    side = min(picture.size)
    left, top = (picture.width - side) / 2, (picture.height - side) / 2
    return _resize(picture, size, size, (left, top, left + side, top + side))


def _pad(picture: "Picture", size: int) -> "Picture":
    from PIL import Image

    scale = size / max(picture.size)
    width, height = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    padded = Image.new(picture.mode, (size, size))
    padded.paste(_resize(picture, width, height, (0, 0, *picture.size)), ((size - width) // 2, (size - height) // 2))
    return padded


def _resize(picture: "Picture", width: int, height: int, box: tuple[float, float, float, float]) -> "Picture":
    from PIL.Image import Resampling

    if picture.size == (width, height) and box == (0, 0, width, height):
        return picture
    return picture.resize((width, height), Resampling.LANCZOS, box=box, reducing_gap=2.0)


_SQUARES: dict[str, Callable[["Picture", int], "Picture"]] = {"stretch": _stretch, "crop": _crop, "pad": _pad}


# ---- what a network is shown -----------------------------------------------------------------------------------


def fit(arrays: Iterable[NDArray[np.uint8]]) -> dict[str, Any]:
    """Return {"shape": [H, W, C], "mean": [C], "std": [C]} of pixels / 255, reading one array at a time."""
    shape: tuple[int, ...] = ()
    count, total, squares = 0, np.zeros(1), np.zeros(1)
    for array in arrays:
        shape = array.shape
        pixels = array.reshape(-1, shape[-1]).astype(np.float64)  # [H, W, C] -> [H * W, C]
        count, total, squares = count + len(pixels), total + pixels.sum(axis=0), squares + np.square(pixels).sum(axis=0)
    if not count:
        raise DataError("There is no picture in the train part to measure. Run split again, or add samples.")
    mean = total / count
    variance = np.maximum(squares / count - mean**2, 1.0)  # a channel of one value must not be divided by nothing
    return {"shape": list(shape), "mean": (mean / 255).tolist(), "std": (np.sqrt(variance) / 255).tolist()}


def preprocess(fitted: dict[str, Any]) -> "nn.Module":
    """Return a module: uint8 [B, H, W, C] -> float32 [B, C, H, W], each channel with mean 0 and deviation 1."""
    import torch
    from torch import nn

    class Normalise(nn.Module):
        scale: torch.Tensor  # [C, 1, 1]
        shift: torch.Tensor  # [C, 1, 1]

        def __init__(self) -> None:
            super().__init__()
            mean, std = (torch.tensor(fitted[key], dtype=torch.float32).reshape(-1, 1, 1) for key in ("mean", "std"))
            self.register_buffer("scale", 1 / (255 * std))
            self.register_buffer("shift", -mean / std)

        def forward(self, raw: torch.Tensor) -> torch.Tensor:
            pixels = raw.permute(0, 3, 1, 2).to(torch.float32)  # [B, H, W, C] -> [B, C, H, W]
            return pixels * self.scale + self.shift

    return Normalise()


def channels(fitted: dict[str, Any]) -> int:
    """Return the number of channels that a model sees."""
    return int(fitted["shape"][-1])


def describe(shape: Sequence[int], clean: dict[str, Any]) -> str:
    """Say how a photo becomes the model's input [height, width, channel], given the `clean` options it was trained with."""
    height, width, num_channels = shape
    how = {"stretch": "stretched", "crop": "cut to its middle square and resized", "pad": "resized and padded"}[clean["fit"]]
    color = "RGB (red first)" if num_channels == 3 else "grey"
    return (
        f"batch, height, width, channel; {color}, 0 to 255. A photo is turned upright, {how} to "
        f"{width} x {height} pixels with antialiasing. Normalisation is inside the model: do not repeat it."
    )


# ---- for people ------------------------------------------------------------------------------------------------


def sheet(arrays: Sequence[NDArray[np.uint8]], titles: Sequence[str], columns: int = 8) -> "Figure":
    """Draw pictures [H, W, C] in rows of `columns`, each under its title; small ones keep their square pixels."""
    from matplotlib.figure import Figure

    rows = max(1, -(-len(arrays) // columns))
    figure = Figure(figsize=(1.35 * columns, 1.6 * rows), dpi=120, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.set_axis_off()
    for axis, array, title in zip(axes, arrays, titles, strict=False):
        smooth = "nearest" if max(array.shape[:2]) < 64 else "antialiased"
        axis.imshow(array.squeeze(-1) if array.shape[-1] == 1 else array, cmap="gray", vmin=0, vmax=255, interpolation=smooth)
        axis.set_title(title, fontsize=8, pad=3)
    return figure


def suggest(payloads: Sequence[bytes]) -> dict[str, Any]:
    """Choose `clean` options that suit these pictures; {} (the defaults) where none of them can be read."""
    readable = [found for payload in payloads if (found := _try_clean(payload))]
    if not readable:
        return {}
    sides = [min(size["width"], size["height"]) for _, size in readable]
    image_size = max(8, min(_SUGGESTED_SIZE, 8 * round(median(sides) / 8)))
    is_grey = all(int(np.ptp(array.astype(np.int16), axis=-1).max()) <= 2 for array, _ in readable)
    return {"image_size": image_size, "channels": 1 if is_grey else 3, "min_side": max(1, min(image_size // 2, min(sides)))}


def _try_clean(payload: bytes) -> tuple[NDArray[np.uint8], dict[str, int]] | None:
    try:
        return clean(payload, min_side=1)
    except Rejection:
        return None
