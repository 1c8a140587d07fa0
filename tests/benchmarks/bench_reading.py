"""Reading what training needs in every epoch: packed pixels against a folder of files."""

from pathlib import Path

import numpy as np
import polars as pl
from benchmarks.photos import jpegs, pictures
from benchmarks.side_by_side import cpu_seconds, show
from PIL import Image

from dl_assets.artifacts.shards import ArrayReader, ArrayWriter

SIZE = 128
COUNT = 512
BATCHES = np.split(np.random.default_rng(17).permutation(COUNT), COUNT // 64)


def read_folder(folder: Path) -> None:
    for batch in BATCHES:
        np.stack([np.asarray(Image.open(folder / f"{index}.jpg").convert("RGB")) for index in batch])


def read_and_resize_folder(folder: Path) -> None:
    for batch in BATCHES:
        opened = (Image.open(folder / f"{index}.jpg").convert("RGB") for index in batch)
        np.stack([np.asarray(picture.resize((SIZE, SIZE), Image.Resampling.BILINEAR)) for picture in opened])


def test_packed_pixels_are_read_many_times_faster_than_a_folder_of_jpegs(tmp_path: Path) -> None:
    for name, width, height in (("small", SIZE, SIZE), ("large", 500, 375)):
        (tmp_path / name).mkdir()
        for index, jpeg in enumerate(jpegs(COUNT, width, height)):
            (tmp_path / name / f"{index}.jpg").write_bytes(jpeg)
    with ArrayWriter(tmp_path) as writer:
        places = [writer.write(picture) for picture in pictures(COUNT, SIZE, SIZE)]
    reader = ArrayReader(tmp_path, pl.DataFrame(places, schema=["shard", "row"], orient="row"))

    seconds = cpu_seconds(
        {
            "packed pixels": lambda: [reader.batch(batch) for batch in BATCHES],
            f"Pillow, JPEGs of {SIZE} px": lambda: read_folder(tmp_path / "small"),
            f"Pillow, JPEGs of 500 x 375 px, resized to {SIZE}": lambda: read_and_resize_folder(tmp_path / "large"),
        },
    )
    show(f"Reading shuffled batches of 64, {SIZE} px", seconds, count=COUNT, unit="picture")
    ours, small, _ = seconds.values()
    assert small > 10 * ours  # the design promises 61
