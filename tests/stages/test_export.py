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
import trained
from trained import CALIBRATION, PIPELINE, held_out, read_from

import dl_assets
from dl_assets.artifacts.report import Report
from dl_assets.artifacts.tables import PARTS_TABLE, read_table, write_table
from dl_assets.errors import ArtifactError, DataError
from dl_assets.exporting.parity import answers, worst_samples
from dl_assets.exporting.signature import properties
from dl_assets.exporting.subject import read_subject
from dl_assets.inference.network import load_network
from dl_assets.inference.predict import predict
from dl_assets.stages.export import export
from dl_assets.targets import classes
from dl_assets.targets.classes import agreement


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Path], Report]:
    folders = trained.make(tmp_path_factory.mktemp("export"))
    folders["out"] = folders["model"].with_name("exported")
    folders["out"].mkdir()
    return folders, export(PIPELINE, **read_from(folders), out=folders["out"])


@pytest.fixture(scope="module")
def folders(exported: Any) -> dict[str, Path]:
    found: dict[str, Path] = exported[0]
    return found


def read(folders: dict[str, Path], name: str) -> Any:
    return json.loads((folders["out"] / name).read_text())


def ask(folder: Path, raw: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    found: np.ndarray = session.run(["probabilities"], {"image": raw})[0]
    return found


def noise(number: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (number, 8, 8, 3), dtype=np.uint8)


def test_the_exported_model_answers_as_the_trained_one(exported: Any) -> None:
    checks = {check.name: check for check in exported[1].checks}
    assert list(checks) == ["max_difference", "agreement", "resize", "int8_drop"]
    assert checks["max_difference"].passed and checks["max_difference"].value < 1e-5
    assert checks["agreement"].passed and checks["agreement"].value == 1
    assert exported[1].counts == {"samples": 20}


def test_what_was_not_asked_for_passes_and_says_so(exported: Any) -> None:
    checks = {check.name: check for check in exported[1].checks}
    assert checks["resize"].passed and "stored size only" in checks["resize"].detail
    assert checks["int8_drop"].passed and "export.int8" in checks["int8_drop"].detail


def test_one_file_holds_the_whole_model(folders: dict[str, Path]) -> None:
    names = sorted(path.name for path in folders["out"].iterdir())
    assert names == ["certificate.json", "golden.npz", "model.onnx", "reference.parquet", "signature.json"]
    model = onnx.load(folders["out"] / "model.onnx", load_external_data=False)
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    assert model.opset_import[0].version >= 18


def test_the_model_tells_itself_what_it_is_and_what_it_was_made_of(folders: dict[str, Path]) -> None:
    model = onnx.load(folders["out"] / "model.onnx")
    properties = {entry.key: entry.value for entry in model.metadata_props}
    card = json.loads((folders["model"] / "card.json").read_text())
    assert json.loads(properties["classes"]) == ["blue", "red"]
    assert (properties["task"], properties["pipeline"]) == ("image_classification", "tiny")
    assert (properties["data_version"], properties["code_version"]) == (card["data"], card["code"])
    assert properties["git_revision"] == (card["git"] or "unknown")
    assert json.loads(properties["metrics"]) == {"accuracy": 0.95}
    assert json.loads(properties["calibration"]) == CALIBRATION


def test_a_model_that_was_trained_outside_of_git_has_an_unknown_revision() -> None:
    told = properties(PIPELINE, {"task": "image_classification", "data": "1", "code": "2", "git": None}, {}, {})
    assert told["git_revision"] == "unknown"


def test_the_model_holds_no_path_of_the_machine_that_made_it(folders: dict[str, Path]) -> None:
    assert str(Path(dl_assets.__file__).parent).encode() not in (folders["out"] / "model.onnx").read_bytes()


def test_the_shape_of_every_value_inside_is_known(folders: dict[str, Path]) -> None:
    inside = onnx.load(folders["out"] / "model.onnx").graph
    known = {value.name for value in (*inside.value_info, *inside.output)}
    assert {name for node in inside.node for name in node.output} <= known


@pytest.mark.parametrize("batch_size", [1, 3, 20])
def test_any_batch_of_raw_pixels_becomes_probabilities(folders: dict[str, Path], batch_size: int) -> None:
    found = ask(folders["out"], noise(batch_size))
    assert found.dtype == np.float32
    assert found.sum(axis=1).tolist() == pytest.approx([1.0] * batch_size, abs=1e-5)


def test_a_picture_and_its_mirror_image_have_one_answer_where_both_are_looked_at(folders: dict[str, Path]) -> None:
    found, mirrored = (ask(folders["out"], shown) for shown in (noise(3), noise(3)[:, :, ::-1]))
    assert np.allclose(found, mirrored, atol=1e-6)


def test_the_temperature_is_inside_the_model(folders: dict[str, Path]) -> None:
    plain = predict(load_network(folders["model"]), held_out(folders))
    sharp = plain.astype(np.float64) ** (1 / CALIBRATION["temperature"])
    expected = sharp / sharp.sum(axis=1, keepdims=True)
    assert np.abs(expected - plain).max() > 0.01
    assert np.allclose(ask(folders["out"], held_out(folders).batch(np.arange(20))), expected, atol=1e-5)


def test_the_signature_says_how_to_ask_and_how_to_read_the_answer(folders: dict[str, Path]) -> None:
    signature = read(folders, "signature.json")
    session = onnxruntime.InferenceSession(folders["out"] / signature["file"], providers=["CPUExecutionProvider"])
    asked, answered = session.get_inputs()[0], session.get_outputs()[0]
    assert (asked.name, asked.type, asked.shape) == (signature["input"]["name"], "tensor(uint8)", signature["input"]["shape"])
    assert (answered.name, answered.shape) == (signature["output"]["name"], signature["output"]["shape"])
    assert signature["output"]["fitted"] == {"classes": ["blue", "red"], **CALIBRATION}
    assert "middle square" in signature["input"]["meaning"] and "RGB" in signature["input"]["meaning"]


def test_the_certificate_names_the_files_that_it_is_about(folders: dict[str, Path]) -> None:
    certificate = read(folders, "certificate.json")
    hashes = {
        name: hashlib.sha256((folders["out"] / name).read_bytes()).hexdigest()
        for name in ("golden.npz", "model.onnx", "reference.parquet", "signature.json")
    }
    assert certificate["files"] == hashes
    assert certificate["sha256"] == hashes["model.onnx"]
    assert certificate["num_samples"] == 20
    assert list(certificate["batch_sizes"]) == ["1", "2", "7", "64"]
    assert set(certificate["versions"]) == {"python", "numpy", "torch", "onnx", "onnxruntime"}
    assert certificate["hardware"]["threads"] == 1 and certificate["hardware"]["processor"]


def test_the_certificate_says_how_fast_torch_and_onnx_runtime_answer_here(folders: dict[str, Path]) -> None:
    latency = read(folders, "certificate.json")["latency"]
    assert set(latency) == {"torch", "onnxruntime"}
    for found in (latency[name][size] for name in latency for size in ("1", "64")):
        assert 0 < found["p50_ms"] <= found["p99_ms"]
        assert found["samples_per_second"] > 0 and 1 <= found["runs"] <= 40


def test_the_golden_samples_can_be_asked_again(folders: dict[str, Path]) -> None:
    certificate = read(folders, "certificate.json")
    golden = np.array([sample["probabilities"] for sample in certificate["golden"]])
    assert [sample["id"] for sample in certificate["golden"]] == [f"sample{index}" for index in range(20, 25)]
    assert np.allclose(golden, ask(folders["out"], held_out(folders).batch(np.arange(5))), atol=1e-5)


@pytest.mark.parametrize("strength", [0.05, 1.0, np.nan])
def test_a_tampered_model_is_found_out(folders: dict[str, Path], tmp_path: Path, strength: float) -> None:
    tamper(folders["out"] / "model.onnx", tmp_path / "model.onnx", strength)
    expected = read_subject(PIPELINE, **read_from(folders)).expected
    honest, tampered = (
        agreement(expected, answers(path / "model.onnx", "probabilities", feed(folders), 20, 64), {})[0]
        for path in (folders["out"], tmp_path)
    )
    assert honest < PIPELINE.export.max_difference < tampered


def tamper(path: Path, out: Path, strength: float) -> None:
    """Write the model with its largest weights weaker."""
    model = onnx.load(path)
    weights = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    values = onnx.numpy_helper.to_array(weights)
    weights.CopyFrom(onnx.numpy_helper.from_array(values * np.float32(1 - strength), weights.name))
    onnx.save(model, out)


def feed(folders: dict[str, Path]) -> Any:
    return lambda indices: {"image": held_out(folders).batch(indices)}


def test_a_sample_that_is_answered_otherwise_comes_before_one_that_is_only_further_off() -> None:
    expected = np.array([[0.9, 0.1], [0.51, 0.49], [0.8, 0.2]], dtype=np.float32)
    found = np.array([[0.6, 0.4], [0.49, 0.51], [np.nan, 0.2]], dtype=np.float32)
    worst = worst_samples(["a", "b", "c"], classes, expected, found, {"classes": ["cat", "dog"]})
    assert [one["id"] for one in worst] == ["c", "b", "a"]
    assert (worst[1]["expected"]["prediction"], worst[1]["found"]["prediction"]) == ("cat", "dog")
    assert worst[0]["found"]["probabilities"][0] == "nan"


def test_an_empty_test_part_is_told(folders: dict[str, Path], tmp_path: Path) -> None:
    parts = read_table(PARTS_TABLE, folders["parts"]).with_columns(part=pl.lit("train"))
    write_table(PARTS_TABLE, tmp_path, parts)
    with pytest.raises(DataError, match=r"split\.test"):
        export(PIPELINE, **read_from(folders, parts=tmp_path), out=tmp_path)


def test_a_broken_checkpoint_is_named(folders: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(folders["model"], tmp_path / "model")
    (tmp_path / "model" / "model.ckpt").write_bytes(b"broken")
    with pytest.raises(ArtifactError, match=r"model\.ckpt"):
        export(PIPELINE, **read_from(folders, model=tmp_path / "model"), out=tmp_path)
