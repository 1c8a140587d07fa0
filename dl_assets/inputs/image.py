"""What the payload of a picture means: strict decoding into uint8 pixels, and what a network is shown of them."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from dl_assets.artifacts.rejection import Rejection
from dl_assets.errors import DataError
from dl_assets.inputs._image import any_size as any_size
from dl_assets.inputs._image.decode import decode
from dl_assets.inputs._image.likeness import similar as similar
from dl_assets.inputs._image.measures import LONGEST_SIDE, measure
from dl_assets.inputs._image.square import SQUARES
from dl_assets.sections import CleanPictures

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from torch import Tensor, nn

CHECKS = ("too_small", "aspect_ratio", "uniform", "exposure", "blurred", "mislabelled", "odd")
CLEAN = CleanPictures
LIBRARIES = ("opencv-python-headless", "pillow", "simplejpeg", "torch")  # by which `clean` is done
DTYPE = "uint8"  # of what is stored
SAME = "pixels"  # what equal samples have in common
QUALITY = pl.col("width") * pl.col("height")  # of two pictures that show the same, the one of more pixels is kept
# What `clean` measures of a picture, as columns of its table.
MEASURED = {
    "width": pl.Int64,
    "height": pl.Int64,
    "brightness": pl.Float64,
    "contrast": pl.Float64,
    "sharpness": pl.Float64,
    "hash": pl.UInt64,
}
# What a trained network may be shown beside raw pictures [B, H, W, C], by the names that `augment.test_time` has.
VIEWS: "dict[str, Callable[[Tensor], Tensor]]" = {"flip": lambda raw: raw.flip(2)}
CROP = "crop"  # of what is fitted: height and width in px, where the network is shown less than is stored
PREVIEWED = 7  # variants of a sample that are shown beside it
# On 1,000 photos 80 px were no better than 64 in as many epochs, and worse in as much time (0.77 against 0.80 and 0.81).
_SUGGESTED_SIZE = 64


def clean(
    payload: bytes,
    *,
    image_size: Annotated[int, Field(ge=4, le=2048, description="side of the square that is stored, in px")] = 64,
    channels: Literal[1, 3] = 3,
    fit: Annotated[Literal["stretch", "crop", "pad"], Field(description="how a picture becomes square")] = "stretch",
    max_pixels: Annotated[int, Field(ge=1, description="larger pictures are rejected before they are decoded")] = 100_000_000,
) -> tuple[NDArray[np.uint8], dict[str, float | int]]:
    """Decode one picture; return uint8 [image_size, image_size, channels], and what was measured of the whole picture.

    That is: its upright width and height in px, brightness and contrast (0 to 1), sharpness, and a hash of 64 bits.
    Transparent parts become white; of an animation the first frame is taken. Raises Rejection for what is no picture
    or is damaged.
    """
    # Twice what is resized to and measured next: what is measured must not depend on image_size.
    least_side = max(2 * image_size, LONGEST_SIDE)
    picture, (width, height) = decode(payload, channels=channels, least_side=least_side, max_pixels=max_pixels)
    return SQUARES[fit](picture, image_size), {"width": width, "height": height, **measure(picture)}


# ---- what a network is shown -----------------------------------------------------------------------------------


def fit(arrays: Iterable[NDArray[np.uint8]], folder: Path | None = None) -> dict[str, Any]:
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


def told(fitted: dict[str, Any]) -> tuple[int, tuple[int, int], tuple[int, ...]]:
    """Return what a model is told of its input: channels, height and width in px; and the shape of what it is shown."""
    height, width = fitted.get(CROP) or fitted["shape"][:2]
    channels = fitted["shape"][-1]
    return channels, (height, width), (channels, height, width)


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


def preview(samples: Sequence[Sequence[NDArray[np.uint8]]], targets: Sequence[str], folder: Path) -> "Figure":
    """Draw each sample, under its target, in a row with its variants; `folder` is that of clean."""
    variants = [f"variant {number}" for number in range(1, len(samples[0]))]
    titles = [title for target in targets for title in (f"{target} (original)", *variants)]
    return sheet([array for sample in samples for array in sample], titles, columns=len(samples[0]))


def suggest(payloads: Sequence[bytes]) -> dict[str, Any]:
    """Choose `clean` options that suit these pictures; {} (the defaults) where none of them can be read."""
    readable = [found for payload in payloads if (found := _try_clean(payload))]
    if not readable:
        return {}
    sides = [int(min(extra["width"], extra["height"])) for _, extra in readable]
    image_size = max(8, min(_SUGGESTED_SIZE, 8 * round(median(sides) / 8)))
    is_grey = all(int(np.ptp(array.astype(np.int16), axis=-1).max()) <= 2 for array, _ in readable)
    return {"image_size": image_size, "channels": 1 if is_grey else 3, "min_side": max(1, min(image_size // 2, min(sides)))}


def _try_clean(payload: bytes) -> tuple[NDArray[np.uint8], dict[str, float | int]] | None:
    try:
        return clean(payload)
    except Rejection:
        return None
