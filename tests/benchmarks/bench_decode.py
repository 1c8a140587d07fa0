"""Decoding a photo and resizing it to 224 px: `clean`, which is strict and measures it besides, against Pillow."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from benchmarks.photos import jpegs
from benchmarks.side_by_side import cpu_seconds, show
from numpy.typing import NDArray
from PIL import Image

from dl_assets.inputs import image
from dl_assets.inputs._image.decode import decode
from dl_assets.inputs._image.square import stretch

SIZE = 224
CATS_DOGS = Path(__file__).parents[3] / "shared/data/cats_dogs"


def with_pillow(payload: bytes) -> NDArray[np.uint8]:
    picture = Image.open(BytesIO(payload)).convert("RGB")
    return np.asarray(picture.resize((SIZE, SIZE), Image.Resampling.BILINEAR))


def without_measuring(payload: bytes) -> NDArray[np.uint8]:
    return stretch(decode(payload, channels=3, least_side=2 * SIZE, max_pixels=10**8)[0], SIZE)


def decibels(payload: bytes) -> float:
    """Peak signal-to-noise ratio of ours against Pillow's; 99 where they are equal."""
    difference = image.clean(payload, image_size=SIZE)[0].astype(np.float64) - with_pillow(payload)
    return float(10 * np.log10(255**2 / np.mean(difference**2))) if difference.any() else 99.0


@pytest.mark.parametrize("kind", ["made photos of 500 x 375 px", "cats_dogs, every 4th photo"])
def test_decoding_and_resizing(kind: str) -> None:
    paths = sorted(CATS_DOGS.glob("*/*.jpg"))[::4]
    payloads = (
        list(jpegs(128, 500, 375, quality=75, colorsubsampling="420"))
        if kind.startswith("made")
        else [path.read_bytes() for path in paths]
    )
    if not payloads:
        pytest.skip("the photos are not here: they would be in ../shared/data/cats_dogs")
    seconds = cpu_seconds(
        {
            "clean: strict, resized, measured and hashed": lambda: [image.clean(each, image_size=SIZE) for each in payloads],
            "the same without measures and hash": lambda: [without_measuring(each) for each in payloads],
            "Pillow: decoded and resized": lambda: [with_pillow(each) for each in payloads],
        }
    )
    show(f"JPEG to {SIZE} px, {kind}", seconds, count=len(payloads), unit="photo")
    likeness = np.array([decibels(payload) for payload in payloads])
    print(
        f"  PSNR against Pillow: mean {likeness.mean():.1f} dB, median {np.median(likeness):.1f}, least {likeness.min():.1f}, "
        f"below 70: {np.mean(likeness < 70):.1%}"
    )
    whole, _, theirs = seconds.values()
    assert theirs > 1.5 * whole and likeness.mean() >= 70


def test_a_large_photo_is_decoded_at_a_fraction() -> None:
    payloads = list(jpegs(4, 4000, 3000))
    seconds = cpu_seconds(
        {
            "clean: strict, resized, measured and hashed": lambda: [image.clean(each, image_size=SIZE) for each in payloads],
            "Pillow: decoded and resized": lambda: [with_pillow(each) for each in payloads],
        }
    )
    show(f"JPEG to {SIZE} px, made photos of 4000 x 3000 px", seconds, count=len(payloads), unit="photo")
    print(f"  PSNR against Pillow: mean {np.mean([decibels(payload) for payload in payloads]):.1f} dB")
