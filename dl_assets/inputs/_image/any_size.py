"""Pictures of any size as the input of an exported model: what is put in front of it, and how to ask it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dl_assets.inputs._image.decode import decode
from dl_assets.inputs._image.square import SQUARES

Pixels = NDArray[np.uint8]

_WHOLE = 2**31  # px: of a picture that is never decoded at a fraction of its size


def front(model: Any, stored: Sequence[int], clean: dict[str, Any]) -> Any:
    """Let an exported model of stored pictures [H, W, C] take those of any size, and do inside what `clean` did."""
    from dl_assets.inputs._image.front import with_any_size

    return with_any_size(model, stored[0], stored[-1], clean["fit"])


def shape(stored: Sequence[int]) -> list[str | int]:
    """Return the shape of such an input, without the batch."""
    return ["height", "width", stored[-1]]


def describe(stored: Sequence[int], clean: dict[str, Any]) -> str:
    """Say how a photo becomes the model's input."""
    color = "RGB (red first)" if stored[-1] == 3 else "grey"
    return (
        f"batch, height, width, channel; {color}, 0 to 255. A photo is turned upright, and may have any size; those of a batch "
        "have one size. Resizing and normalisation are inside the model: do not repeat them."
    )


def original(payload: bytes, clean: dict[str, Any]) -> Pixels:
    """Decode one picture at its full size, [H, W, C]. Raises Rejection as `clean` does."""
    return decode(payload, channels=clean["channels"], least_side=_WHOLE, max_pixels=clean["max_pixels"])[0]


def stored(picture: Pixels, clean: dict[str, Any]) -> Pixels:
    """Return what would be stored of these pixels."""
    return SQUARES[clean["fit"]](picture, clean["image_size"])
