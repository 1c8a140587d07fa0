"""Forty tiny pictures as the stages before train leave them, and a pipeline that learns from them."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from dl_assets.artifacts.report import Report, write_json
from dl_assets.artifacts.shards import ArrayWriter
from dl_assets.config import Choice, Pipeline
from dl_assets.training.fit import fit
from dl_assets.transforms.image import compose

Fit = Callable[..., tuple[Path, Report]]


def pictures(num_samples: int) -> np.ndarray:
    """Noise, brighter on the left for even samples and on the right for odd ones: uint8 [N, 8, 8, 1]."""
    values = np.random.default_rng(0).integers(0, 100, (num_samples, 8, 8, 1))
    values[0::2, :, :4] += 100
    values[1::2, :, 4:] += 100
    return values.astype(np.uint8)


@pytest.fixture
def samples(tmp_path: Path) -> pl.DataFrame:
    """Write clean/ and return its rows with their part: 24 train, 8 val, 8 test."""
    (tmp_path / "clean").mkdir()
    with ArrayWriter(tmp_path / "clean") as writer:
        places = [writer.write(array) for array in pictures(40)]
    return pl.DataFrame(
        {
            "id": [f"sample{index:02d}" for index in range(40)],
            "target": ["left", "right"] * 20,
            "digest": [f"digest{index:02d}" for index in range(40)],
            "shard": [shard for shard, _ in places],
            "row": [row for _, row in places],
            "part": ["train"] * 24 + ["val"] * 8 + ["test"] * 8,
        }
    )


@pytest.fixture
def pipeline() -> Callable[..., Pipeline]:
    def make(model: dict[str, Any] | None = None, **train: Any) -> Pipeline:
        options = {"epochs": 3, "batch_size": 8, "learning_rate": 3e-3, "accelerator": "cpu", **train}
        return Pipeline(
            Path("pipelines/tiny.yaml"),
            {
                "task": "image_classification",
                "augment": [],
                "train": options,
                "model": model or {"name": "cnn", "width": 8, "depth": 1},
            },
        )

    return make


def write_policy(folder: Path, choices: Sequence[Choice] = (), **options: Any) -> Path:
    """Write policy.json as the augment stage does; return the folder."""
    folder.mkdir(exist_ok=True)
    policy = compose(choices, (8, 8, 1)).serialise()
    write_json(
        folder / "policy.json",
        {"policy": policy, "mixup": 0.0, "cutmix": 0.0, "mix_share": 0.8, "copies": 0, "test_time": None, **options},
    )
    return folder


@pytest.fixture(name="write_policy")
def write_policy_() -> Callable[..., Path]:
    return write_policy


@pytest.fixture
def fitted(tmp_path: Path, samples: pl.DataFrame, pipeline: Callable[..., Pipeline]) -> Fit:
    """Train with these options; return the model's folder and the report."""

    def run(
        rows: pl.DataFrame | None = None, augmented: Path | None = None, choices: Sequence[Choice] = (), **options: Any
    ) -> tuple[Path, Report]:
        out = tmp_path / "model"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        rows = samples if rows is None else rows
        folder = augmented or write_policy(tmp_path / "augmented", choices)
        return out, fit(pipeline(**options), samples=rows, clean=tmp_path / "clean", augmented=folder, out=out)

    return run
