"""Forty tiny pictures as clean and split leave them, in a working directory of their own, and a pipeline to learn them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from dl_assets import progress
from dl_assets.artifacts.shards import ArrayWriter
from dl_assets.artifacts.tables import CLEAN_SAMPLES, PARTS_TABLE, write_table
from dl_assets.config import Pipeline

NUM_SAMPLES = 40


def pictures() -> np.ndarray:
    """Noise, brighter on the left for even samples and on the right for odd ones: uint8 [N, 8, 8, 1]."""
    values = np.random.default_rng(0).integers(0, 100, (NUM_SAMPLES, 8, 8, 1))
    values[0::2, :, :4] += 100
    values[1::2, :, 4:] += 100
    return values.astype(np.uint8)


@pytest.fixture
def samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pl.DataFrame:
    """Write clean/ and parts/ of the pipeline `tiny` into the working directory: 30 of train and val in 5 folds, 10 of test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(progress.EVENT_FILE, raising=False)
    monkeypatch.setenv(progress.ADDRESS, "")  # so that what a run sets is taken back
    clean, parts = (tmp_path / "data/tiny" / name for name in ("clean", "parts"))
    clean.mkdir(parents=True)
    parts.mkdir()
    with ArrayWriter(clean) as writer:
        places = [writer.write(array) for array in pictures()]
    ids = [f"sample{index:02d}" for index in range(NUM_SAMPLES)]
    nothing = pl.Series([None] * NUM_SAMPLES, dtype=pl.String)
    frame = pl.DataFrame(
        {
            "id": ids,
            "target": ["left", "right"] * 20,
            **{"group": nothing, "time": nothing.cast(pl.Datetime("us")), "part": nothing},
            **{"origin": ids, "digest": ids, "cluster": ids},
            "shard": [shard for shard, _ in places],
            "row": [row for _, row in places],
        }
    )
    write_table(CLEAN_SAMPLES, clean, frame)
    parted = pl.DataFrame(
        {
            "id": ids,
            "part": ["train"] * 20 + ["val"] * 10 + ["test"] * 10,
            "fold": [index // 2 % 5 for index in range(30)] + [None] * 10,
        }
    )
    write_table(PARTS_TABLE, parts, parted)
    return frame.drop("part").join(parted, on="id", maintain_order="left")


@pytest.fixture
def pipeline() -> Callable[..., Pipeline]:
    def make(
        augment: Any = (), split: dict[str, Any] | None = None, task: str = "image_classification", **train: Any
    ) -> Pipeline:
        options = {"epochs": 2, "batch_size": 8, "learning_rate": 3e-3, "accelerator": "cpu", "workers": 0, **train}
        return Pipeline(
            Path("pipelines/tiny.yaml"),
            {
                "task": task,
                "clean": {"image_size": 8, "channels": 1},
                "split": split or {},
                "augment": augment or [],
                "train": options,
                "model": {"name": "cnn", "width": 4, "depth": 1},
            },
        )

    return make
