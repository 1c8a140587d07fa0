"""The export stage: the file that ships, and the proof that it answers as the trained model does."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import polars as pl
import pytest
import torch

from dl_assets.artifacts.report import Report, write_json
from dl_assets.artifacts.shards import ArrayReader, ArrayWriter
from dl_assets.artifacts.tables import CLEAN_SAMPLES, PARTS_TABLE, read_table, write_table
from dl_assets.config import Pipeline
from dl_assets.errors import ArtifactError, DataError
from dl_assets.inference.network import load_network
from dl_assets.inference.predict import predict
from dl_assets.exporting.parity import answers
from dl_assets.stages.export import export
from dl_assets.stages.train import train
from dl_assets.targets.classes import agreement
from dl_assets.transforms.image import compose

PIPELINE = Pipeline(
    Path("pipelines/tiny.yaml"),
    {
        "task": "image_classification",
        "clean": {"image_size": 8, "channels": 3, "fit": "crop"},
        "export": {},
        "model": {"name": "cnn", "width": 8, "depth": 2},
        "train": {"epochs": 3, "batch_size": 8, "accelerator": "cpu"},
    },
)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Path], Report]:
    """Train on forty pictures of noise that is red or blue, and export; the last twenty are the test part."""
    torch.set_num_threads(1)
    root = tmp_path_factory.mktemp("export")
    folders = {name: root / name for name in ("clean", "parts", "augmented", "model", "evaluation", "out")}
    for folder in folders.values():
        folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 120, (40, 8, 8, 3), dtype=np.uint8)
    pixels[0::2, ..., 0] += 100
    pixels[1::2, ..., 2] += 100
    ids = [f"sample{index:02d}" for index in range(40)]
    with ArrayWriter(folders["clean"]) as writer:
        places = [writer.write(array) for array in pixels]
    write_table(
        CLEAN_SAMPLES,
        folders["clean"],
        pl.DataFrame(
            {
                "id": ids,
                "target": ["red", "blue"] * 20,
                "group": pl.Series([None] * 40, dtype=pl.String),
                "time": pl.Series([None] * 40, dtype=pl.Datetime("us")),
                "part": pl.Series([None] * 40, dtype=pl.String),
                "origin": ids,
                "digest": ids,
                "cluster": ids,
                "shard": [shard for shard, _ in places],
                "row": [row for _, row in places],
            }
        ),
    )
    write_table(
        PARTS_TABLE,
        folders["parts"],
        pl.DataFrame(
            {"id": ids, "part": ["train"] * 16 + ["val"] * 4 + ["test"] * 20, "fold": pl.Series([None] * 40, dtype=pl.Int64)}
        ),
    )
    other = {"mixup": 0.0, "cutmix": 0.0, "mix_share": 0.8, "copies": 0, "test_time": "flip"}
    write_json(folders["augmented"] / "policy.json", {"policy": compose([], (8, 8, 3)).serialise(), **other})
    read = {name: folders[name] for name in ("clean", "parts", "augmented")}
    kept = {name: folders["model"].parent / name for name in ("checkpoints", "logs")}
    train(PIPELINE, **read, **kept, out=folders["model"])
    write_json(folders["evaluation"] / "calibration.json", {"temperature": 1.5, "threshold": 0.4, "positive": "red"})
    write_json(folders["evaluation"] / "metrics.json", {"accuracy": {"value": 0.95, "low": 0.9, "high": 1.0}, "classes": {}})
    return folders, export(PIPELINE, **read_from(folders), out=folders["out"])


def read_from(folders: dict[str, Path], **others: Path) -> dict[str, Path]:
    return {name: others.get(name, folders[name]) for name in ("clean", "parts", "model", "evaluation")}


@pytest.fixture(scope="module")
def folders(exported) -> dict[str, Path]:
    return exported[0]


@pytest.fixture(scope="module")
def held_out(folders) -> ArrayReader:
    return ArrayReader(folders["clean"], read_table(CLEAN_SAMPLES, folders["clean"]).tail(20))


def test_the_exported_model_answers_as_the_trained_one(exported):
    checks = {check.name: check for check in exported[1].checks}
    assert set(checks) == {"max_difference", "agreement"}
    assert checks["max_difference"].passed and checks["max_difference"].value < 1e-5
    assert checks["agreement"].passed and checks["agreement"].value == 1
    assert exported[1].counts == {"samples": 20}


def test_one_file_holds_the_whole_model(folders):
    assert sorted(path.name for path in folders["out"].iterdir()) == ["certificate.json", "model.onnx", "signature.json"]
    model = onnx.load(folders["out"] / "model.onnx", load_external_data=False)
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    assert model.opset_import[0].version >= 18


def test_the_model_tells_its_classes_and_task_itself(folders):
    model = onnx.load(folders["out"] / "model.onnx")
    properties = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(properties["classes"]) == ["blue", "red"]
    assert (properties["task"], properties["pipeline"]) == ("image_classification", "tiny")


@pytest.mark.parametrize("batch_size", [1, 3, 20])
def test_any_batch_of_raw_pixels_becomes_probabilities(folders, batch_size):
    session = onnxruntime.InferenceSession(folders["out"] / "model.onnx", providers=["CPUExecutionProvider"])
    raw = np.random.default_rng(1).integers(0, 256, (batch_size, 8, 8, 3), dtype=np.uint8)
    (found,) = session.run(["probabilities"], {"image": raw})
    assert found.dtype == np.float32
    assert found.sum(axis=1).tolist() == pytest.approx([1.0] * batch_size, abs=1e-5)


def test_a_picture_and_its_mirror_image_have_one_answer_where_both_are_looked_at(folders):
    session = onnxruntime.InferenceSession(folders["out"] / "model.onnx", providers=["CPUExecutionProvider"])
    raw = np.random.default_rng(1).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    found, mirrored = (session.run(["probabilities"], {"image": shown})[0] for shown in (raw, raw[:, :, ::-1]))
    assert np.allclose(found, mirrored, atol=1e-6)


def test_the_signature_says_how_to_ask_and_how_to_read_the_answer(folders):
    signature = json.loads((folders["out"] / "signature.json").read_text())
    session = onnxruntime.InferenceSession(folders["out"] / signature["file"], providers=["CPUExecutionProvider"])
    asked, answered = session.get_inputs()[0], session.get_outputs()[0]
    assert (asked.name, asked.type, asked.shape) == (signature["input"]["name"], "tensor(uint8)", signature["input"]["shape"])
    assert (answered.name, answered.shape) == (signature["output"]["name"], signature["output"]["shape"])
    assert signature["output"]["fitted"]["classes"] == ["blue", "red"]
    assert "middle square" in signature["input"]["meaning"] and "RGB" in signature["input"]["meaning"]


def test_the_certificate_names_the_file_that_it_is_about(folders):
    certificate = json.loads((folders["out"] / "certificate.json").read_text())
    assert certificate["sha256"] == hashlib.sha256((folders["out"] / "model.onnx").read_bytes()).hexdigest()
    assert certificate["num_samples"] == 20
    assert set(certificate["batch_sizes"]) == {"1", "64"}
    assert set(certificate["versions"]) == {"torch", "onnx", "onnxruntime"}


def test_the_golden_samples_can_be_asked_again(folders, held_out):
    certificate = json.loads((folders["out"] / "certificate.json").read_text())
    golden = np.array([sample["probabilities"] for sample in certificate["golden"]])
    assert [sample["id"] for sample in certificate["golden"]] == [f"sample{index}" for index in range(20, 25)]
    assert np.allclose(golden, answers(folders["out"] / "model.onnx", "probabilities", feed(held_out), 20, 5)[:5], atol=1e-5)


def feed(arrays: ArrayReader) -> Any:
    return lambda indices: {"image": arrays.batch(indices)}


@pytest.mark.parametrize("strength", [0.05, 1.0, np.nan])
def test_a_tampered_model_is_found_out(folders, held_out, tmp_path, strength):
    model = onnx.load(folders["out"] / "model.onnx")
    weights = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    values = onnx.numpy_helper.to_array(weights)
    weights.CopyFrom(onnx.numpy_helper.from_array(values * np.float32(1 - strength), weights.name))
    onnx.save(model, tmp_path / "model.onnx")
    expected = predict(load_network(folders["model"]), held_out)
    honest, tampered = (
        agreement(expected, answers(path / "model.onnx", "probabilities", feed(held_out), 20, 64), {})[0]
        for path in (folders["out"], tmp_path)
    )
    assert honest < PIPELINE.export.max_difference < tampered


def test_a_model_that_differs_fails_the_stage(folders, tmp_path):
    strict = Pipeline(PIPELINE.path, {**PIPELINE.document, "export": {"max_difference": 1e-30}})
    report = export(strict, **read_from(folders), out=tmp_path)
    assert [check.name for check in report.failed()] == ["max_difference"]


def test_an_empty_test_part_is_told(folders, tmp_path):
    parts = read_table(PARTS_TABLE, folders["parts"]).with_columns(part=pl.lit("train"))
    write_table(PARTS_TABLE, tmp_path, parts)
    with pytest.raises(DataError, match=r"split\.test"):
        export(PIPELINE, **read_from(folders, parts=tmp_path), out=tmp_path)


def test_a_broken_checkpoint_is_named(folders, tmp_path):
    shutil.copytree(folders["model"], tmp_path / "model")
    (tmp_path / "model" / "model.ckpt").write_bytes(b"broken")
    with pytest.raises(ArtifactError, match=r"model\.ckpt"):
        export(PIPELINE, **read_from(folders, model=tmp_path / "model"), out=tmp_path)
