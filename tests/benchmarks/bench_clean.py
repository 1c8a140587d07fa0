"""What strictness costs: the clean stage's decoder against Pillow alone, which lets damaged files pass."""

from io import BytesIO

import numpy as np
import pytest
from benchmarks.photos import jpegs
from benchmarks.side_by_side import cpu_seconds, show
from PIL import Image

from dl_assets.inputs import image

SIZE = 64


def with_pillow(payload: bytes, *, draft: bool) -> None:
    picture = Image.open(BytesIO(payload))
    if draft:
        picture.draft("RGB", (2 * SIZE, 2 * SIZE))
    np.array(picture.convert("RGB").resize((SIZE, SIZE), Image.Resampling.LANCZOS))


@pytest.mark.parametrize(("count", "width", "height"), [(64, 500, 375), (4, 4000, 3000)])
def test_strict_decoding(count: int, width: int, height: int) -> None:
    payloads = list(jpegs(count, width, height))
    seconds = cpu_seconds(
        {
            "clean, which finds every damaged JPEG": lambda: [image.clean(payload, image_size=SIZE) for payload in payloads],
            "Pillow, whole picture, then resized": lambda: [with_pillow(payload, draft=False) for payload in payloads],
            "Pillow, decoded at a fraction, then resized": lambda: [with_pillow(payload, draft=True) for payload in payloads],
        },
        rounds=3,
    )
    show(f"Decoding JPEGs of {width} x {height} px to {SIZE} px", seconds, count=count, unit="picture")
