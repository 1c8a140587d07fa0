"""The train stage: from the folders of the stages before it to a model."""

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from dl_assets.artifacts.report import write_json
from dl_assets.artifacts.shards import ArrayWriter
from dl_assets.artifacts.tables import CLEAN_SAMPLES, PARTS_TABLE, write_table
from dl_assets.config import Pipeline
from dl_assets.errors import ArtifactError
from dl_assets.stages.train import train
from dl_assets.transforms.image import compose

PARTS = ["train"] * 12 + ["val"] * 4 + ["test"] * 4


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    """Write clean/, parts/ and augmented/ of twenty dark and bright pictures."""
    folders = {name: tmp_path / name for name in ("clean", "parts", "augmented", "out")}
    for folder in folders.values():
        folder.mkdir()
    ids = [f"sample{index:02d}" for index in range(20)]
    with ArrayWriter(folders["clean"]) as writer:
        places = [writer.write(np.full((8, 8, 1), 40 + 150 * (index % 2) + index, np.uint8)) for index in range(20)]
    write_table(
        CLEAN_SAMPLES,
        folders["clean"],
        pl.DataFrame(
            {
                "id": ids,
                "target": ["dark", "bright"] * 10,
                "group": pl.Series([None] * 20, dtype=pl.String),
                "time": pl.Series([None] * 20, dtype=pl.Datetime("us")),
                "part": pl.Series(["test"] + [None] * 19, dtype=pl.String),  # what split made of it is in parts/
                "origin": ids,
                "digest": ids,
                "cluster": ids,
                "shard": [shard for shard, _ in places],
                "row": [row for _, row in places],
            }
        ),
    )
    # In another order than clean: samples are joined by id and not by place.
    write_table(
        PARTS_TABLE,
        folders["parts"],
        pl.DataFrame({"id": ids, "part": PARTS, "fold": pl.Series([None] * 20, dtype=pl.Int64)}).reverse(),
    )
    policy = compose([], (8, 8, 1)).serialise()
    mix = {"mixup": 0.0, "cutmix": 0.0, "mix_share": 0.8}
    write_json(folders["augmented"] / "policy.json", {"policy": policy, **mix, "copies": 0, "test_time": None})
    return folders | {"checkpoints": tmp_path / "checkpoints", "logs": tmp_path / "logs"}


def pipeline() -> Pipeline:
    return Pipeline(
        Path("pipelines/tiny.yaml"),
        {
            "task": "image_classification",
            "model": {"name": "cnn", "width": 4, "depth": 1},
            "train": {"epochs": 2, "batch_size": 4, "accelerator": "cpu"},
        },
    )


def test_the_train_stage_leaves_a_model_and_counts_what_it_saw(folders):
    report = train(pipeline(), **folders)
    card = json.loads((folders["out"] / "card.json").read_text())
    assert report.counts == {"train": 12, "val": 4} == card["num_samples"]
    assert {"best_epoch", "best_val_loss", "val_accuracy", "epochs", "parameters"} <= set(report.numbers)
    assert card["classes"] == ["bright", "dark"]
    assert card["model"]["name"] == "cnn"
    assert card["model"]["options"].items() >= {"width": 4, "depth": 1, "max_width": 256, "dropout": 0.1}.items()


def test_the_pixels_of_the_test_part_cannot_reach_the_model(folders):
    train(pipeline(), **folders)
    before = (folders["out"] / "preprocessing.json").read_text()
    shard = np.lib.format.open_memmap(folders["clean"] / "pixels-00000.npy", mode="r+")
    shard[12:] = 255
    shard.flush()
    for path in folders["out"].iterdir():
        path.unlink()
    shutil.rmtree(folders["checkpoints"])  # else the second training has nothing left to do
    train(pipeline(), **folders)
    assert (folders["out"] / "preprocessing.json").read_text() == before


def test_a_missing_policy_is_named(folders):
    (folders["augmented"] / "policy.json").unlink()
    with pytest.raises(ArtifactError, match=r"policy\.json"):
        train(pipeline(), **folders)
