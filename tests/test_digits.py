"""The pipeline that the repository ships keeps its promises: accurate, the same every time, nothing leaked, exported."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import polars as pl
import pytest
import torch
from workspace import REPOSITORY, Workspace, make_workspace

from dl_assets.artifacts.shards import ArrayReader
from dl_assets.artifacts.tables import read_parted


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A clone in which `dl run digits` has run, with the pipeline file as it is shipped."""
    made = make_workspace(tmp_path_factory.mktemp("shipped") / "w")
    shutil.copy2(REPOSITORY / "pipelines" / "digits.yaml", made.root / "pipelines" / "digits.yaml")
    made.run("dl", "run", "digits")
    return made


@pytest.fixture(scope="module")
def data(shipped: Workspace) -> Path:
    return shipped.root / "data" / "digits"


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


def parts_and_pixels(data: Path) -> tuple[pl.DataFrame, ArrayReader]:
    samples = read_parted(data / "clean", data / "parts")
    return samples, ArrayReader(data / "clean", samples)


def test_of_the_test_digits_985_in_1000_are_right(data: Path) -> None:
    accuracy = read(data / "evaluation" / "metrics.json")["accuracy"]
    assert accuracy["value"] >= 0.985
    assert accuracy["low"] <= accuracy["value"] <= accuracy["high"]


def test_every_digit_is_in_one_part_or_rejected(data: Path) -> None:
    parts = pl.read_parquet(data / "parts" / "parts.parquet")
    rejected = pl.read_parquet(data / "clean" / "rejected.parquet")
    assert parts["id"].is_unique().all()
    assert len(parts) + len(rejected) == 1797


def test_no_test_digit_was_seen_in_training(data: Path) -> None:
    samples, arrays = parts_and_pixels(data)
    pixels: dict[str, set[bytes]] = {"train": set(), "val": set(), "test": set()}
    for index, part in enumerate(samples["part"]):
        pixels[part].add(arrays[index].tobytes())
    assert min(len(found) for found in pixels.values()) > 200
    assert pixels["test"].isdisjoint(pixels["train"] | pixels["val"])
    assert pixels["val"].isdisjoint(pixels["train"])


def test_the_same_seed_gives_the_same_model_and_the_same_metrics(data: Path, tmp_path: Path) -> None:
    second = make_workspace(tmp_path / "w")
    shutil.copy2(REPOSITORY / "pipelines" / "digits.yaml", second.root / "pipelines" / "digits.yaml")
    for artifact in ("raw", "clean", "parts", "augmented"):
        shutil.copytree(data / artifact, second.root / "data" / "digits" / artifact)
    for stage in ("train", "evaluate"):  # without DVC, whose cache would hand out the first result
        second.run("python", "-m", "dl_assets", "stage", stage, "digits")

    again = second.root / "data" / "digits"
    weights, weights_again = (
        torch.load(folder / "model" / "model.ckpt", weights_only=True)["state_dict"] for folder in (data, again)
    )
    assert weights.keys() == weights_again.keys()
    assert all(torch.equal(weights[name], weights_again[name]) for name in weights)
    assert read(data / "evaluation" / "metrics.json") == read(again / "evaluation" / "metrics.json")


@pytest.mark.parametrize("batch_size", [1, 7])
def test_the_exported_model_takes_raw_pixels_and_answers_as_evaluate_did(data: Path, batch_size: int) -> None:
    samples, arrays = parts_and_pixels(data)
    indices = np.flatnonzero(samples["part"] == "test")[:batch_size]
    session = onnxruntime.InferenceSession(data / "exported" / "model.onnx", providers=["CPUExecutionProvider"])
    [found] = session.run(["probabilities"], {"image": arrays.batch(indices)})

    assert arrays.batch(indices).dtype == np.uint8
    assert found.shape == (batch_size, 10) and found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    predictions = pl.read_parquet(data / "evaluation" / "predictions.parquet")
    expected = samples[indices].select("id").join(predictions, on="id", maintain_order="left")
    np.testing.assert_allclose(found, expected.select(pl.col("^probability_.*$")).to_numpy(), atol=1e-4)


def test_the_exported_model_knows_the_names_of_its_classes(data: Path) -> None:
    properties = {entry.key: entry.value for entry in onnx.load(data / "exported" / "model.onnx").metadata_props}
    assert (
        json.loads(properties["classes"])
        == list("0123456789")
        == read(data / "exported" / "signature.json")["output"]["fitted"]["classes"]
    )


def test_the_certificate_compares_four_batch_sizes_and_every_check_has_passed(data: Path) -> None:
    certificate = read(data / "exported" / "certificate.json")
    assert len(certificate["batch_sizes"]) == 4
    assert certificate["max_difference"] <= 1e-4 and certificate["agreement"] == 1
    reports = [read(path) for path in sorted((data / "reports").glob("*.json"))]
    checks = {name: check["passed"] for report in reports for name, check in report["checks"].items()}
    of_the_data = ("rejected_share", "class_size", "class_imbalance", "labels_used", "leaked_duplicates")
    assert checks == dict.fromkeys((*of_the_data, "agreement", "max_difference", "resize", "int8_drop"), True)


def test_the_report_is_one_page_that_needs_no_other_file(data: Path) -> None:
    page = (data / "evaluation" / "report.html").read_text()
    assert "data:image/png;base64," in page
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)[^"']+""", page)
