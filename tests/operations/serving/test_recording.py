"""What a server writes down of a prediction before it answers."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from operations.logs.mishaps import full_disk
from operations.serving.champions import grey, put, write_bright, write_old
from operations.serving.conftest import Serve

from dl_assets.operations.logs.log import read_log


def logged(folder: Path, answer: dict[str, Any]) -> pl.DataFrame:
    """Return what the log has of the predictions in an answer, and of no other; pictures are decoded in any order."""
    found = read_log(folder / "predictions")
    asked = pl.DataFrame({"id": [one["id"] for one in answer["predictions"] if "id" in one]})
    assert len(found) == len(asked) and set(found["id"]) == set(asked["id"])
    return asked.join(found, on="id", maintain_order="left")


def test_every_prediction_of_a_picture_is_logged_without_the_picture(pets: Path, serve: Serve) -> None:
    client = serve()
    started = datetime.now(UTC)
    answer = client.post("/predict", files=[("files", grey(204)), ("files", b"x"), ("files", grey(51, (40, 10)))]).json()
    found = logged(pets, answer)
    assert found["model"].unique().to_list() == [answer["model"]["sha256"]]
    assert found["prediction"].to_list() == ["dog", "cat"]
    assert found["confidence"].to_list() == pytest.approx([0.8, 0.8])
    assert found["probability_dog"].to_list() == pytest.approx([0.8, 0.2])
    assert found["brightness"].to_list() == pytest.approx([0.8, 0.2])
    assert found.select("width", "height").rows() == [(30, 20), (40, 10)]
    assert all(started <= one <= started + timedelta(minutes=1) for one in found["time"])
    assert found["latency_ms"].min() > 0
    assert "input" not in found.columns


def test_the_pictures_themselves_are_logged_where_that_is_asked_for(pets: Path, serve: Serve) -> None:
    picture = grey(204)
    serve(keep_inputs=True).post("/predict", files={"files": picture})
    assert read_log(pets / "predictions")["input"].to_list() == [picture]


def test_of_a_row_its_values_are_logged_under_names_of_their_own(tmp_path: Path, serve: Serve) -> None:
    write_old(tmp_path / "data" / "people" / "champion")
    serve("people").post("/predict", json={"rows": [{"age": 80, "sex": None, "city": "Ulm", "note": "secret"}]})
    found = read_log(tmp_path / "data" / "people" / "predictions")
    assert found.select(pl.col("^input_.*$")).to_dicts() == [{"input_age": "80", "input_sex": None, "input_city": "Ulm"}]
    assert "secret" not in str(found.to_dicts())


def test_the_challenger_in_the_shadow_is_logged_beside_the_champion_and_never_answers(pets: Path, serve: Serve) -> None:
    write_bright(pets / "exported", dark="dog", bright="cat")
    client = serve(shadow=True)
    answer = client.post("/predict", files=[("files", grey(204)), ("files", grey(0))]).json()
    found = logged(pets, answer)
    assert [one["prediction"] for one in answer["predictions"]] == found["prediction"].to_list() == ["dog", "cat"]
    assert found["shadow_prediction"].to_list() == ["cat", "dog"]
    assert found["shadow_confidence"].to_list() == pytest.approx([0.8, 1.0])
    assert found["shadow_model"].n_unique() == 1 and found["shadow_model"][0] != found["model"][0]
    assert client.get("/model").json()["challenger"]["sha256"] == found["shadow_model"][0]
    assert 'dl_shadow_answers_total{agrees="false"} 2.0' in client.get("/metrics").text


def test_a_challenger_of_another_picture_size_is_given_pictures_of_its_own(pets: Path, serve: Serve) -> None:
    write_bright(pets / "exported", dark="dog", bright="cat", size=16)
    serve(shadow=True).post("/predict", files={"files": grey(204)})
    assert read_log(pets / "predictions")["shadow_prediction"].to_list() == ["cat"]


def test_what_the_model_makes_of_a_picture_is_logged_in_four_digits_and_not_answered(pets: Path, serve: Serve) -> None:
    write_bright(pets / "exported", embeds=True)
    answer = serve(challenger=True).post("/predict", files={"files": grey(204)}).json()
    assert set(answer["predictions"][0]) == {"id", "file", "prediction", "confidence", "top"}
    assert b'"embedding":[0.2546,-0.2231]' in next((pets / "predictions").glob("*.jsonl")).read_bytes()  # 0.8 / pi, log(0.8)
    found = read_log(pets / "predictions")
    assert found.schema["embedding"] == pl.List(pl.Float32)
    assert found["embedding"].to_list() == [pytest.approx([0.2546, -0.2231])]


def test_an_embedding_that_is_not_finite_is_left_out_and_the_answer_is_given(pets: Path, serve: Serve) -> None:
    write_bright(pets / "exported", embeds=True)
    answer = serve(challenger=True).post("/predict", files=[("files", grey(0)), ("files", grey(204))]).json()
    found = logged(pets, answer)
    assert found["prediction"].to_list() == ["cat", "dog"]
    assert found["embedding"].is_null().to_list() == [True, False]


def test_a_challenger_that_is_the_same_file_is_not_asked_until_another_is_exported(pets: Path, serve: Serve) -> None:
    write_bright(pets / "exported")
    client = serve(shadow=True)
    client.post("/predict", files={"files": grey(204)})
    assert "shadow_prediction" not in read_log(pets / "predictions").columns
    assert client.get("/model").json()["challenger"] is None
    put(write_bright(pets / "new", bright="wolf"), pets / "exported")
    until = time.monotonic() + 20
    while client.get("/model").json()["challenger"] is None and time.monotonic() < until:
        time.sleep(0.02)
    client.post("/predict", files={"files": grey(204)})
    assert read_log(pets / "predictions")["shadow_prediction"].to_list() == [None, "wolf"]


def test_what_cannot_be_logged_is_not_answered(pets: Path, serve: Serve) -> None:
    client = serve()
    assert client.post("/predict", files={"files": grey(204)}).status_code == 200
    (journal,) = (pets / "predictions").glob("*.jsonl")
    with full_disk(journal.stat().st_size + 20):
        answer = client.post("/predict", files={"files": grey(204)})
    assert answer.status_code == 503 and "cannot be logged" in answer.json()["error"]
    assert client.post("/predict", files={"files": grey(204)}).status_code == 200
    assert len(read_log(pets / "predictions")) == 2
