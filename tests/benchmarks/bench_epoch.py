"""One epoch of loading: the packed set through our loader, against a folder of JPEGs with Pillow and albumentations."""

from collections import deque
from pathlib import Path
from typing import Any

import albumentations
import numpy as np
import polars as pl
import torch
from benchmarks.photos import jpegs, pictures
from benchmarks.side_by_side import cpu_seconds, show
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from dl_assets.artifacts.shards import ArrayReader, ArrayWriter
from dl_assets.config import Choice
from dl_assets.training.batches import Batches, ShuffledIndices, loader
from dl_assets.transforms import image as transforms
from dl_assets.transforms._policy.keys import numbers_of

COUNT, BATCH, SIZE, SHOWN = 512, 64, 128, 112


class JpegFolder(Dataset[Any]):
    """What a class folder costs where it is read as it is: decode, resize, crop, flip."""

    def __init__(self, folder: Path) -> None:
        self._paths = sorted(folder.glob("*/*.jpg"))
        steps = [albumentations.RandomCrop(SHOWN, SHOWN), albumentations.HorizontalFlip(p=0.5)]
        self._augment = albumentations.Compose([albumentations.Resize(SIZE, SIZE), *steps], seed=17)

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        picture = np.asarray(Image.open(self._paths[index]).convert("RGB"))
        return torch.from_numpy(self._augment(image=picture)["image"]), index % 2


def write_folder(folder: Path, width: int, height: int) -> Path:
    for index, jpeg in enumerate(jpegs(COUNT, width, height)):
        place = folder / ("cat", "dog")[index % 2]
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{index}.jpg").write_bytes(jpeg)
    return folder


def packed(folder: Path) -> "DataLoader[Any]":
    with ArrayWriter(folder) as writer:
        places = [writer.write(picture) for picture in pictures(COUNT, SIZE, SIZE)]
    arrays = ArrayReader(folder, pl.DataFrame(places, schema=["shard", "row"], orient="row"))
    policy = transforms.compose([Choice(*step) for step in transforms.PRESETS["light"]((SIZE, SIZE))], arrays.shape)
    batches = Batches(arrays, np.arange(COUNT) % 2, policy, numbers_of(map(str, range(COUNT))), seed=17)
    return loader(batches, ShuffledIndices(COUNT, BATCH, seed=17), 0, seed=17)


def used_up(batches: "DataLoader[Any]") -> None:
    """Go through all batches as training does, which keeps none of them."""
    deque(batches, maxlen=0)


def test_an_epoch_over_the_packed_set(tmp_path: Path) -> None:
    ours = packed(tmp_path)
    photos, small = (
        DataLoader(JpegFolder(write_folder(tmp_path / name, *size)), batch_size=BATCH, shuffle=True)
        for name, size in (("photos", (500, 375)), ("small", (SIZE, SIZE)))
    )
    seconds = cpu_seconds(
        {
            f"packed, {SIZE} px, light": lambda: used_up(ours),
            "class folder of JPEGs of 500 x 375 px": lambda: used_up(photos),
            f"class folder of JPEGs of {SIZE} x {SIZE} px": lambda: used_up(small),
        }
    )
    show(f"One epoch of {COUNT} pictures in batches of {BATCH}", seconds, count=COUNT, unit="picture")
    found, folder, _ = seconds.values()
    assert folder > 20 * found
