"""What augmentation costs per picture, which is paid in every epoch."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import albumentations
import numpy as np
import polars as pl
import pytest
from benchmarks.photos import pictures
from benchmarks.side_by_side import cpu_seconds, show
from numpy.typing import NDArray

from dl_assets.artifacts.shards import ArrayReader, ArrayWriter
from dl_assets.config import Choice
from dl_assets.transforms import image as transforms
from dl_assets.transforms._policy.keys import keys_of, numbers_of

BATCH = 64
REPEATS = 8


def packed(folder: Path, size: int, channels: int = 3) -> ArrayReader:
    """Write one batch of pictures as clean does, and open it."""
    with ArrayWriter(folder) as writer:
        places = [writer.write(picture[..., :channels]) for picture in pictures(BATCH, size, size)]
    return ArrayReader(folder, pl.DataFrame(places, schema=["shard", "row"], orient="row"))


def made(name: str, reader: ArrayReader) -> transforms.Policy:
    height, width, _ = reader.shape
    return transforms.compose([Choice(*step) for step in transforms.PRESETS[name]((height, width))], reader.shape)


def plain(policy: transforms.Policy) -> Any:
    """The same transforms as albumentations' users write them."""
    steps = [step for entry in policy.serialise()["transforms"] for step in entry.items()]
    return albumentations.Compose([getattr(albumentations, name)(**options) for name, options in steps], seed=17)


def ours(policy: transforms.Policy, reader: ArrayReader, out: NDArray[np.uint8]) -> Callable[[], None]:
    numbers = numbers_of(map(str, range(BATCH)))

    def way() -> None:
        for epoch in range(REPEATS):
            policy.batch(reader.each(np.arange(BATCH)), keys_of(numbers, seed=17, epoch=epoch), out)

    return way


def theirs(pipeline: Any, reader: ArrayReader, out: NDArray[np.uint8]) -> Callable[[], None]:
    def way() -> None:
        for _ in range(REPEATS):
            for index in range(BATCH):
                out[index] = pipeline(image=reader[index])["image"]

    return way


def copying(arrays: NDArray[np.uint8], out: NDArray[np.uint8]) -> Callable[[], None]:
    def way() -> None:
        for _ in range(REPEATS):
            np.copyto(out, arrays)

    return way


@pytest.mark.parametrize(("size", "times"), [(32, 4.5), (64, 4.5), (128, 4.5), (256, 4.0)])
def test_light_augmentation_of_a_packed_batch(tmp_path: Path, size: int, times: float) -> None:
    """The aim is 4.5 times albumentations per picture, and 0.8 of the bytes a second of one memcpy of what comes out.

    At 256 px, where there are more bytes than the caches hold, six runs gave 4.3 to 6.6, the least on a busy machine, and 0.9
    to 1.3 of memcpy. Smaller pictures come from the caches: memcpy takes 0.1 to 3 us for one, and as much as that is Python's.
    """
    reader = packed(tmp_path, size)
    policy = made("light", reader)
    out = np.empty((BATCH, *policy.shape), np.uint8)
    seconds = cpu_seconds(
        {
            "light: crop to 7/8, flip": ours(policy, reader, out),
            "albumentations: RandomCrop, HorizontalFlip": theirs(plain(policy), reader, out),
            "memcpy of as many bytes, in one call": copying(out.copy(), out),
        }
    )
    show(f"Light augmentation of a packed batch of {BATCH}, {size} px", seconds, count=BATCH * REPEATS, unit="picture")
    found, library, memcpy = seconds.values()
    print(f"  {memcpy / found:.2f} of memcpy")
    assert library > times * found
    assert size < 256 or memcpy > 0.8 * found


@pytest.mark.parametrize("size", [64, 128])
def test_a_full_policy_is_not_slower_than_plain_albumentations(tmp_path: Path, size: int) -> None:
    """Reached in five runs: 1.15 to 1.4 times as fast, by what colours.py does and by drawing without Compose."""
    reader = packed(tmp_path, size)
    policy = made("medium", reader)
    out = np.empty((BATCH, *policy.shape), np.uint8)
    ways = {"medium": ours(policy, reader, out), "the same in albumentations.Compose": theirs(plain(policy), reader, out)}
    seconds = cpu_seconds(ways)
    show(f"Full augmentation (preset medium), {size} px", seconds, count=BATCH * REPEATS, unit="picture")
    found, library = seconds.values()
    assert found <= library


def test_digits(tmp_path: Path) -> None:
    reader = packed(tmp_path, 8, channels=1)
    policy = made("digits", reader)
    out = np.empty((BATCH, *policy.shape), np.uint8)
    affine = albumentations.Affine(rotate=(-12, 12), translate_percent=(-0.08, 0.08), scale=(0.9, 1.1), p=1.0)
    seconds = cpu_seconds(
        {
            "digits, moves by fractions of a pixel": ours(policy, reader, out),
            "albumentations.Affine, moves by whole pixels": theirs(albumentations.Compose([affine]), reader, out),
        }
    )
    show("Augmenting pictures of 8 px", seconds, count=BATCH * REPEATS, unit="picture")
