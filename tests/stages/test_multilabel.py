"""Several labels a picture, from the split to the exported model, on pictures whose labels can be seen in the pixels."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from dl_assets.artifacts.report import Report
from dl_assets.artifacts.shards import ArrayWriter
from dl_assets.artifacts.tables import CLEAN_SAMPLES, REJECTED, empty, write_table
from dl_assets.config import Pipeline
from dl_assets.operations.predict import open_exported
from dl_assets.operations.predicting.inputs import find_inputs
from dl_assets.operations.predicting.pictures import predict
from dl_assets.stages.augment import augment
from dl_assets.stages.evaluate import evaluate
from dl_assets.stages.export import export
from dl_assets.stages.split import split
from dl_assets.stages.train import train

PIPELINE = Pipeline(
    Path("pipelines/lights.yaml"),
    {
        "task": "image_multilabel",
        "clean": {"image_size": 8, "channels": 1},
        "split": {},
        "augment": [],
        "model": {"name": "cnn", "width": 8, "depth": 1},
        "train": {"epochs": 15, "batch_size": 16, "learning_rate": 0.02, "accelerator": "cpu"},
        "evaluate": {"bootstrap_samples": 100},
        "export": {},
    },
)


def pictures() -> tuple[np.ndarray, list[str]]:
    """120 pictures of noise: `left` is bright at the left, `top` at the top, and some are both."""
    pixels = np.random.default_rng(0).integers(0, 90, (120, 8, 8, 1))
    targets = ["left", "top", "left|top"] * 40
    for picture, target in zip(pixels, targets, strict=True):
        picture[:, :3] += 100 * ("left" in target)
        picture[:3] += 60 * ("top" in target)
    return pixels.astype(np.uint8), targets


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Report]]:
    root = tmp_path_factory.mktemp("lights")
    folders = {
        name: root / "data" / "lights" / name for name in ("clean", "parts", "augmented", "model", "evaluation", "exported")
    }
    for folder in folders.values():
        folder.mkdir(parents=True)
    pixels, targets = pictures()
    with ArrayWriter(folders["clean"]) as writer:
        places = [writer.write(array) for array in pixels]
    ids = [f"{index:03d}" for index in range(len(pixels))]
    columns = {"id": ids, "origin": ids, "digest": ids, "cluster": ids, "target": targets}
    samples = pl.DataFrame({**columns, "shard": [shard for shard, _ in places], "row": [row for _, row in places]})
    unknown = {"group": pl.String, "time": pl.Datetime("us"), "part": pl.String}
    samples = samples.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in unknown.items())
    samples = samples.with_columns(width=pl.lit(8), height=pl.lit(8), brightness=pixels.mean(axis=(1, 2, 3)) / 255)
    write_table(CLEAN_SAMPLES, folders["clean"], samples)
    write_table(REJECTED, folders["clean"], empty(REJECTED))

    inputs = {name: folders[name] for name in ("clean", "parts", "model")}
    reports = {"split": split(PIPELINE, clean=folders["clean"], before=None, out=folders["parts"])}
    augment(PIPELINE, clean=folders["clean"], parts=folders["parts"], out=folders["augmented"])
    read = {name: folders[name] for name in ("clean", "parts", "augmented")}
    kept = {name: folders["model"].parent / name for name in ("checkpoints", "logs")}
    train(PIPELINE, **read, **kept, out=folders["model"])
    reports["evaluate"] = evaluate(PIPELINE, **inputs, out=folders["evaluation"])
    reports["export"] = export(PIPELINE, **inputs, evaluation=folders["evaluation"], out=folders["exported"])
    return root, reports


def read(ran: Any, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ran[0] / "data" / "lights" / name).read_text())
    return found


def test_every_label_is_in_every_part_at_its_share(ran: Any) -> None:
    numbers = ran[1]["split"].numbers
    assert numbers["classes"] == 2 and ran[1]["split"].checks[0].passed
    # 80 pictures are `left`, 80 are `top`.
    assert [numbers[f"smallest_class_{part}"] for part in ("train", "val", "test")] == pytest.approx([56, 12, 12], abs=1)


def test_the_labels_are_learnt(ran: Any) -> None:
    metrics = read(ran, "evaluation/metrics.json")
    assert metrics["mean_average_precision"]["value"] > 0.95 and metrics["f1_micro"]["value"] > 0.9
    assert set(metrics["classes"]) == {"left", "top"}


def test_the_evaluation_holds_the_figures_and_the_report_of_labels(ran: Any) -> None:
    folder = ran[0] / "data" / "lights" / "evaluation"
    names = {path.stem for path in (folder / "plots").iterdir()}
    assert {"precision_recall", "outcomes", "roc_curve", "calibration", "learning_curve"} <= names
    assert "it gets all labels of" in (folder / "report.html").read_text()


def test_the_exported_model_answers_as_the_trained_one(ran: Any) -> None:
    assert ran[1]["export"].failed() == []
    assert read(ran, "exported/signature.json")["output"]["fitted"]["classes"] == ["left", "top"]


def test_the_reference_holds_several_labels_as_they_are_predicted_and_logged(ran: Any) -> None:
    found = pl.read_parquet(ran[0] / "data" / "lights" / "exported" / "reference.parquet")
    answered = ["prediction", "confidence", "probability_left", "probability_top"]
    assert found.columns == [*answered, "width", "height", "brightness", "embedding", "target", "part"]
    assert set(found["target"]) == {"left", "top", "left|top"} and set(found["part"]) == {"val", "test"}
    assert (found["prediction"] == found["target"]).mean() > 0.8


def test_the_exported_model_predicts_several_labels_of_a_file(ran: Any, tmp_path: Path) -> None:
    pixels, targets = pictures()
    for index in range(3):
        Image.fromarray(pixels[index, ..., 0]).save(tmp_path / f"{index}.png")
    rows = pl.concat(predict(open_exported(PIPELINE, ran[0]), find_inputs(PIPELINE, [str(tmp_path)]).samples))
    assert rows["prediction"].to_list() == targets[:3]
    assert {"probability_left", "probability_top"} <= set(rows.columns)
