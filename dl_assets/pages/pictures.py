"""Small pictures of samples inside a page."""

import io
from base64 import b64encode

import numpy as np
from numpy.typing import NDArray

SIDE = 128  # px; larger arrays are reduced to it
_SMOOTH = 48  # px; below it JPEG would show, and pixels are meant to


def thumbnail(array: NDArray[np.uint8]) -> str:
    """Turn uint8 [H, W, C] into a data URI: PNG where single pixels count, else JPEG, which is a tenth of the size."""
    from PIL import Image

    picture = Image.fromarray(np.ascontiguousarray(array[..., 0] if array.shape[-1] == 1 else array))
    picture.thumbnail((SIDE, SIDE))
    kind = "PNG" if max(picture.size) < _SMOOTH else "JPEG"
    buffer = io.BytesIO()
    picture.save(buffer, kind, quality=85)
    return f"data:image/{kind.lower()};base64,{b64encode(buffer.getvalue()).decode()}"
