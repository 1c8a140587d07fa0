"""Pictures that cost a decoder about as much as photos do: soft shapes with some grain, each different."""

from collections.abc import Iterator

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray


def pictures(count: int, width: int, height: int, seed: int = 17) -> Iterator[NDArray[np.uint8]]:
    """Yield uint8 [height, width, 3]."""
    rng = np.random.default_rng(seed)
    grain = rng.normal(0, 6, (height, width, 1))
    for _ in range(count):
        coarse = rng.integers(0, 256, (6, 8, 3)).astype(np.float32)
        soft = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        yield np.clip(soft + grain, 0, 255).astype(np.uint8)


def jpegs(
    count: int, width: int, height: int, seed: int = 17, *, quality: int = 90, colorsubsampling: str = "444"
) -> Iterator[bytes]:
    """Yield JPEG files; at quality 75 and 420 they are about as large as photos from the web, at 90 three times."""
    for picture in pictures(count, width, height, seed):
        yield simplejpeg.encode_jpeg(picture, quality=quality, colorsubsampling=colorsubsampling)
