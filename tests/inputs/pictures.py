"""Small pictures and files of them, for the tests of everything that takes pictures in."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from dl_assets.artifacts.rejection import Rejection
from dl_assets.inputs import image

CATS_DOGS = Path(__file__).parents[3] / "shared" / "data" / "cats_dogs"
needs_cats_dogs = pytest.mark.skipif(
    not CATS_DOGS.is_dir(), reason="the photos are not here: they would be in ../shared/data/cats_dogs"
)


def encoded(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def noise(width: int = 48, height: int = 32, channels: int = 3) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)
    return Image.fromarray(pixels.squeeze(-1) if channels == 1 else pixels)


def photo(width: int = 400, height: int = 300) -> Image.Image:
    """Things of many sizes and colours with sharp edges and a little grain: for a decoder or a hash it is a photo."""
    rng = np.random.default_rng(1)
    picture = Image.new("RGB", (width, height), (90, 110, 140))
    draw = ImageDraw.Draw(picture)
    for size in np.geomspace(0.7, 0.02, 120):
        x, y = rng.uniform(-size / 2, 1, 2)
        box = (x * width, y * height, (x + size) * width, (y + size) * height)
        draw.ellipse(box, fill=tuple(int(level) for level in rng.integers(0, 256, 3)))
    grain = rng.normal(0, 3, (height, width, 1))
    return Image.fromarray(np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8))


def rejection(payload: bytes, **options: Any) -> tuple[str, str]:
    """Return the reason and the detail with which `clean` rejects the file."""
    with pytest.raises(Rejection) as caught:
        image.clean(payload, **options)
    return caught.value.reason, caught.value.detail


def is_rejected(payload: bytes) -> bool:
    try:
        image.clean(payload, image_size=16)
    except Rejection:
        return True
    return False
