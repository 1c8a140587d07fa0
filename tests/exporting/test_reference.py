"""What the model answers to samples that it has not learnt from, in the columns of the server's log."""

import shutil
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from chain import Chain
from fastapi.testclient import TestClient
from operations.serving.champions import write_bright
from PIL import Image
from torch import nn
from trained import PIPELINE, read_from

from dl_assets.artifacts.packs import read_payloads
from dl_assets.artifacts.tables import CLEAN_SAMPLES, RAW_SAMPLES, read_table
from dl_assets.exporting import subject as exporting
from dl_assets.exporting.reference import refer
from dl_assets.exporting.signature import signature
from dl_assets.exporting.subject import Subject, read_subject
from dl_assets.operations.logs.log import read_log
from dl_assets.operations.predict import open_model
from dl_assets.operations.serve import make_server
from dl_assets.operations.serving.app import create_app
from dl_assets.operations.serving.limits import Limits
from dl_assets.operations.serving.pictures import Pictures

ONLY_LOGGED = ["id", "time", "model", "latency_ms"]


@pytest.fixture(scope="module")
def subject(folders: dict[str, Path]) -> Subject:
    return read_subject(PIPELINE, **read_from(folders))


def test_the_server_logs_of_the_same_pictures_what_the_reference_says(
    exported: Path, folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DL_RESIZER", raising=False)
    shutil.copytree(exported, tmp_path / "data" / "tiny" / "champion")
    payloads = read_payloads(folders["raw"], read_table(RAW_SAMPLES, folders["raw"]).tail(24))  # val and test
    with TestClient(create_app(make_server("tiny", tmp_path, Limits()))) as client:
        answer = client.post("/predict", files=[("files", payload) for payload in payloads]).json()
    asked = pl.DataFrame({"id": [one["id"] for one in answer["predictions"]]})
    logged = asked.join(read_log(tmp_path / "data" / "tiny" / "predictions"), on="id", maintain_order="left")
    reference = pl.read_parquet(exported / "reference.parquet")
    assert reference.columns[-2:] == ["target", "part"]
    assert logged.drop(ONLY_LOGGED).schema == reference.drop("target", "part").select(logged.drop(ONLY_LOGGED).columns).schema
    for name in ("prediction", "width", "height", "brightness"):
        assert logged[name].to_list() == reference[name].to_list()
    assert np.allclose(logged["confidence"], reference["confidence"], atol=1e-4)
    found, expected = (np.array(one["embedding"].to_list()) for one in (logged, reference))
    assert np.allclose(found, expected, atol=2e-3)


def test_it_holds_val_and_test_with_their_targets(exported: Path) -> None:
    found = pl.read_parquet(exported / "reference.parquet")
    assert found["part"].to_list() == ["val"] * 4 + ["test"] * 20
    assert found["target"].to_list() == ["red", "blue"] * 12


def test_of_many_samples_the_same_ones_are_drawn_each_time(folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "MAX_REFERENCE", 10)
    once, again = (read_subject(PIPELINE, **read_from(folders)).reference["id"].to_list() for _ in range(2))
    assert once == again == sorted(once) and len(set(once)) == 10
    assert once != [f"sample{index}" for index in range(16, 26)]


def test_a_network_without_a_last_linear_layer_is_referred_to_without_an_embedding(subject: Subject) -> None:
    head = nn.Sequential(nn.Unflatten(1, (16, 1)), nn.Conv1d(16, 2, 1), nn.Flatten())
    network = subject.answering.network
    body, network.body = network.body, nn.Sequential(*network.body[:-1], head)
    try:
        reference = refer(subject)
    finally:
        network.body = body
    told = signature(subject.config, subject.fitted, subject.arrays.shape, reference)
    assert told["no_embedding"] == "the network does not end in a linear layer" and "embedding" not in told
    assert reference.answers.shape == (24, 2)


def test_layers_that_make_the_same_of_every_picture_have_no_embedding(subject: Subject) -> None:
    layer = subject.answering.network.body[-1][-1]
    hook = subject.answering.network.body[-1].register_forward_pre_hook(lambda _, given: (given[0] * 0,))
    try:
        reference = refer(subject)
    finally:
        hook.remove()
    assert isinstance(layer, nn.Linear) and reference.embedding is None
    assert reference.reason == "the last layer is given the same for all samples of val and test"


# ---- inputs ----------------------------------------------------------------------------------------------------


def encoded(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def test_what_clean_measured_of_a_picture_is_what_the_server_measures_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (600, 900, 3), dtype=np.uint8)
    pixels[:, :300] //= 4  # so that no half is as bright as another
    turned = Image.Exif()
    turned[0x0112] = 6
    payloads = {
        "large.jpg": encoded(Image.fromarray(pixels), "JPEG"),
        "turned.jpg": encoded(Image.fromarray(pixels[:90, :200]), "JPEG", exif=turned),
        "grey.png": encoded(Image.fromarray(pixels[:50, 280:350, 0])),
        "clear.png": encoded(Image.fromarray(np.dstack([pixels[:64, :64], pixels[:64, 400:464, :1]]))),
    }
    for name, payload in payloads.items():
        path = tmp_path / "photos" / name.partition(".")[2] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(payload)
    monkeypatch.chdir(tmp_path)
    options = {"image_size": 8, "channels": 1, "fit": "stretch"}
    chain = Chain(tmp_path, "image_classification", {"kind": "folder", "path": "photos"}, clean=options)
    chain.run("clean")
    measured = read_table(CLEAN_SAMPLES, chain.folder / "clean")
    assert len(measured) == len(payloads)
    pictures = Pictures(open_model(write_bright(tmp_path / "champion"), ""))
    for row in measured.iter_rows(named=True):
        (found,) = pictures.prepare([payloads[Path(row["origin"]).name]])
        assert found.logged == {name: row[name] for name in ("width", "height", "brightness")}
