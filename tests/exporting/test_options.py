"""What a user may ask of an export: pictures of any size, and a model of 8 bits."""

import shutil
from io import BytesIO
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import polars as pl
import pytest
from PIL import Image
from trained import CLEAN, PIPELINE, held_out, read_from, with_export

from dl_assets.artifacts.report import Report, read_json
from dl_assets.artifacts.tables import RAW_SAMPLES, read_table, write_table
from dl_assets.config import Pipeline
from dl_assets.errors import ConfigError, DataError
from dl_assets.exporting.int8 import Quantized, int8_check
from dl_assets.exporting.resizing import certify_resize, resize_check
from dl_assets.exporting.subject import read_subject
from dl_assets.inputs import image
from dl_assets.operations.predict import open_exported
from dl_assets.operations.predicting.inputs import find_inputs
from dl_assets.operations.predicting.pictures import predict


def ask(path: Path, raw: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    found: np.ndarray = session.run(["probabilities"], {"image": raw})[0]
    return found


def test_the_model_takes_pictures_of_any_size(exported: Path) -> None:
    session = onnxruntime.InferenceSession(exported / "model.onnx", providers=["CPUExecutionProvider"])
    shape = ["batch", "height", "width", 3]
    assert session.get_inputs()[0].shape == shape == read_json(exported / "signature.json")["input"]["shape"]
    assert "any size" in read_json(exported / "signature.json")["input"]["meaning"]
    picture = np.random.default_rng(0).integers(0, 256, (31, 50, 3), dtype=np.uint8)
    file = BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    stored = image.clean(file.getvalue(), **CLEAN)[0]
    whole, small = (ask(exported / "model.onnx", shown[None]) for shown in (picture, stored))
    assert np.abs(whole - small).max() < 0.01


def test_pictures_of_the_stored_size_are_answered_as_torch_does(
    reported: tuple[Path, Report], folders: dict[str, Path]
) -> None:
    checks = {check.name: check for check in reported[1].checks}
    assert checks["max_difference"].value < 1e-5 and checks["agreement"].value == 1
    expected = read_subject(PIPELINE, **read_from(folders)).expected
    assert np.allclose(ask(reported[0] / "model.onnx", held_out(folders).batch(np.arange(20))), expected, atol=1e-5)


def test_the_certificate_compares_originals_with_what_clean_made_of_them(exported: Path) -> None:
    found = read_json(exported / "certificate.json")["resize"]
    assert found["num_samples"] == 20 and found["agreement"] == 1
    assert found["by_clean"]["agreement"] == 1 and found["by_clean"]["max_difference"] < 0.01


def test_a_model_that_resizes_otherwise_fails_the_check(exported: Path, folders: dict[str, Path], tmp_path: Path) -> None:
    model = onnx.load(exported / "model.onnx")
    (middle,) = (node for node in model.graph.node if node.op_type == "Slice" and node.input[0] == "image")
    middle.op_type, middle.input[:] = "Sub", ["image", "image"]  # black, and all of it
    onnx.save(model, tmp_path / "model.onnx")
    subject = read_subject(with_export(resize=True), **read_from(folders))
    check = resize_check(subject, certify_resize(subject, tmp_path / "model.onnx"))
    assert not check.passed and check.severity == "error" and check.value <= 0.5


def test_originals_that_are_gone_are_told(folders: dict[str, Path], exported: Path, tmp_path: Path) -> None:
    moved = {name: Path(shutil.copytree(folders[name], tmp_path / name)) for name in ("raw", "clean")}
    gone = {"shard": pl.lit(None, pl.Int64), "location": pl.lit(str(tmp_path / "gone.png"))}
    write_table(RAW_SAMPLES, moved["raw"], read_table(RAW_SAMPLES, moved["raw"]).with_columns(**gone))
    subject = read_subject(with_export(resize=True), **read_from(folders, clean=moved["clean"]))
    with pytest.raises(DataError, match=r"no original .* set export\.resize to false"):
        certify_resize(subject, exported / "model.onnx")


def test_predict_sends_the_stored_size_to_a_model_that_takes_any(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(np.full((30, 40, 3), (200, 60, 60), np.uint8)).save(tmp_path / "red.png")
    document = {**PIPELINE.document, "export": {"resize": True}}
    pipeline = Pipeline(PIPELINE.path, document)
    opened = open_exported(pipeline, exported.parents[2])
    (rows,) = predict(opened, find_inputs(pipeline, [str(tmp_path / "red.png")]).samples)
    assert rows["prediction"].to_list() == ["red"]


def test_a_table_has_no_size_to_resize() -> None:
    table = Pipeline(Path("pipelines/people.yaml"), {"task": "tabular_classification", "export": {"resize": True}})
    with pytest.raises(ConfigError, match=r"export\.resize is true, but what task 'tabular_classification' learns from"):
        table.export  # noqa: B018


def test_the_model_of_8_bits_answers_about_as_well_and_is_described(
    reported: tuple[Path, Report], folders: dict[str, Path]
) -> None:
    out, report = reported
    found, latency = (read_json(out / "certificate.json")[name] for name in ("int8", "latency"))
    assert found["offered"] and found["drop"] <= 0.01 and found["float32"] >= 0.9
    assert found["size_bytes"] == (out / "model.int8.onnx").stat().st_size == report.numbers["int8_size_bytes"]
    assert "model.int8.onnx" in read_json(out / "certificate.json")["files"]
    assert set(latency["onnxruntime_int8"]) == {"1", "64"}
    operators = {node.op_type for node in onnx.load(out / "model.int8.onnx").graph.node}
    assert {"QuantizeLinear", "DequantizeLinear", "Conv"} <= operators
    raw = held_out(folders).batch(np.arange(20))
    assert np.abs(ask(out / "model.int8.onnx", raw) - ask(out / "model.onnx", raw)).max() < 0.1


@pytest.mark.parametrize(("int8", "is_kept"), [(0.89, True), (0.87, False)])
def test_the_model_of_8_bits_is_offered_where_it_loses_no_more_than_allowed(
    folders: dict[str, Path], int8: float, is_kept: bool
) -> None:
    subject = read_subject(with_export(int8=True, max_drop=0.02), **read_from(folders))
    found = Quantized(full=0.9, int8=int8, size_bytes=1, max_drop=0.02)
    check = int8_check(subject, found)
    assert (found.is_offered, check.passed, check.severity) == (is_kept, is_kept, "warning")
    assert ("is offered" if is_kept else "is left out: raise export.max_drop") in check.detail
