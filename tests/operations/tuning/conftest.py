"""A project of forty tiny pictures, of which clean, split and augment have run, and a pipeline file with a search space."""

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from dl_assets.artifacts.shards import ArrayWriter
from dl_assets.artifacts.tables import CLEAN_SAMPLES, PARTS_TABLE, read_parted, write_table
from dl_assets.config import load_pipeline
from dl_assets.operations.tuning.home import Home
from dl_assets.operations.tuning.key import key_of, parts_of_key
from dl_assets.operations.tuning.study import Study
from dl_assets.problems import plain
from dl_assets.stages.augment import augment

TINY = """\
# forty tiny pictures
task: image_classification
source: {kind: builtin, name: digits}
clean: {image_size: 8, channels: 1, min_side: 8}
split: {}
augment: []  # nothing
model: {name: cnn, width: 8, depth: 1}
train:
  epochs: 3  # few
  batch_size: 8
  # as it was
  learning_rate: 3.0e-3
  accelerator: cpu
  workers: 0
  early_stopping: 0

evaluate: {}
export: {}
schedule: {}
"""
NUM_SAMPLES = 40


class Project:
    """A folder with `pipelines/tiny.yaml` and its artifacts."""

    def __init__(self, root: Path) -> None:
        self.root, self.file = root, root / "pipelines" / "tiny.yaml"

    def write(self, tune: str, **changes: str) -> None:
        """Write the pipeline file with this section `tune`, and some options of it changed."""
        text = TINY
        for key, value in changes.items():
            before = next(line for line in TINY.splitlines() if line.strip().startswith(f"{key}:"))
            text = text.replace(before, f"{before[: before.index(key)]}{key}: {value}")
        self.file.write_text(f"{text}tune: {tune}\n")

    def study(self) -> Study:
        """Open the study of the pipeline as its file is now."""
        pipeline = load_pipeline("tiny", self.root)
        data = self.root / "data" / "tiny"
        parts = parts_of_key(pipeline, read_parted(data / "clean", data / "parts"))
        home = Home(self.root, "tiny", key_of(parts))
        home.write(plain(pipeline.document), parts)
        return Study(home, pipeline)


@pytest.fixture(scope="session")
def _data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = Project(tmp_path_factory.mktemp("tiny"))
    made.file.parent.mkdir()
    made.write("{space: {train.learning_rate: [1.0e-3, 1.0e-2]}}")
    data = made.root / "data" / "tiny"
    write_data(data)
    (data / "augmented").mkdir()
    augment(load_pipeline("tiny", made.root), clean=data / "clean", parts=data / "parts", out=data / "augmented")
    return made.root


@pytest.fixture
def project(_data: Path, tmp_path: Path) -> Project:
    shutil.copytree(_data, tmp_path / "project")
    return Project(tmp_path / "project")


def write_data(folder: Path) -> None:
    """Noise, brighter on the left for even samples and on the right for odd ones: 24 train, 8 val, 8 test."""
    for name in ("clean", "parts"):
        (folder / name).mkdir(parents=True)
    values = np.random.default_rng(0).integers(0, 100, (NUM_SAMPLES, 8, 8, 1))
    values[0::2, :, :4] += 100
    values[1::2, :, 4:] += 100
    with ArrayWriter(folder / "clean") as writer:
        places = [writer.write(array.astype(np.uint8)) for array in values]
    ids = [f"sample{index:02d}" for index in range(NUM_SAMPLES)]
    nothing = pl.Series([None] * NUM_SAMPLES, dtype=pl.String)
    samples = pl.DataFrame(
        {
            "id": ids,
            "target": ["left", "right"] * (NUM_SAMPLES // 2),
            **{"group": nothing, "time": nothing.cast(pl.Datetime("us")), "part": nothing},
            **{"origin": ids, "digest": ids, "cluster": ids},
            "shard": [shard for shard, _ in places],
            "row": [row for _, row in places],
        }
    )
    write_table(CLEAN_SAMPLES, folder / "clean", samples)
    parts = pl.Series(["train"] * 24 + ["val"] * 8 + ["test"] * 8)
    write_table(PARTS_TABLE, folder / "parts", samples.select("id", part=parts, fold=pl.lit(None, pl.Int64)))
