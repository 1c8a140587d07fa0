"""The ways in which a picture becomes the square that is stored: uint8 [H, W, C] -> [size, size, C]."""

import functools
import importlib.util
import os
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
RESIZER = "DL_RESIZER"  # of the environment: `pillow` where torch is not to be loaded


def stretch(picture: Pixels, size: int) -> Pixels:
    """Use all of the picture, whatever becomes of its proportions."""
    return resize(picture, size, size)


def crop(picture: Pixels, size: int) -> Pixels:
    """Use the square in the middle."""
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return resize(picture[top : top + side, left : left + side], size, size)


def pad(picture: Pixels, size: int) -> Pixels:
    """Use all of the picture in its proportions, between black bars."""
    height, width = picture.shape[:2]
    scale = size / max(height, width)
    height, width = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (size - height) // 2, (size - width) // 2
    padded = np.zeros((size, size, picture.shape[-1]), np.uint8)
    padded[top : top + height, left : left + width] = resize(picture, height, width)
    return padded


SQUARES: dict[str, Callable[[Pixels, int], Pixels]] = {"stretch": stretch, "crop": crop, "pad": pad}


def resize(picture: Pixels, height: int, width: int) -> Pixels:
    """Resize with antialiasing as Pillow's BILINEAR does, to within a level: [H, W, C] -> [height, width, C]."""
    if picture.shape[:2] == (height, width):
        return np.ascontiguousarray(picture)
    return _kernel()(picture, height, width)


def _kernel() -> Callable[[Pixels, int, int], Pixels]:
    """Return the way of torch; that of Pillow where torch is not installed, or is not to be loaded: it takes seconds."""
    return by_pillow if os.environ.get(RESIZER) == "pillow" or not _has_torch() else by_torch


@functools.cache
def _has_torch() -> bool:
    return importlib.util.find_spec("torch") is not None


def by_pillow(picture: Pixels, height: int, width: int) -> Pixels:
    """Resize in four times as long, without torch."""
    from PIL import Image

    flat = picture[..., 0] if picture.shape[-1] == 1 else picture
    resized = Image.fromarray(flat).resize((width, height), Image.Resampling.BILINEAR)
    return np.array(resized).reshape(height, width, picture.shape[-1])


def by_torch(picture: Pixels, height: int, width: int) -> Pixels:
    """Resize by torch's kernel for uint8, which works in the calling thread.

    It and Pillow differ by how fine their weights are; that shows where a weighted sum lies on the border of two levels, as
    it often does for a ratio like 5:4.
    """
    import torch
    from torch.nn.functional import interpolate

    # A view of channels last: torch copies anything else, and in threads of its own.
    pixels = torch.from_numpy(np.ascontiguousarray(picture))[None].permute(0, 3, 1, 2)  # [H, W, C] -> [1, C, H, W]
    old_height, old_width = picture.shape[:2]
    if old_height - height > max(0, 2 * (old_width - width)):
        # Fewer steps, and Pillow's order since its version 13: 8 bits between the passes make the order show.
        pixels = interpolate(pixels, size=(height, old_width), mode="bilinear", antialias=True)
    pixels = interpolate(pixels, size=(height, width), mode="bilinear", antialias=True)
    return np.ascontiguousarray(pixels[0].permute(1, 2, 0).numpy())  # [1, C, H, W] -> [H, W, C]
