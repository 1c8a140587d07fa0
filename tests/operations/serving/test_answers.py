"""Requests that can be answered: pictures and rows, alone and together, and what stands in an answer."""

import base64
import hashlib
import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from operations.serving.champions import grey, write_old
from operations.serving.conftest import Serve


def test_a_picture_is_answered_with_its_class_the_likeliest_classes_and_an_id(pets: Path, serve: Serve) -> None:
    found = serve().post("/predict", files={"files": ("rex.png", grey(204))}).json()
    (prediction,) = found["predictions"]
    assert prediction["prediction"] == "dog" and prediction["confidence"] == pytest.approx(0.8)
    assert [one["class"] for one in prediction["top"]] == ["dog", "cat"]
    assert [one["probability"] for one in prediction["top"]] == pytest.approx([0.8, 0.2])
    assert prediction["file"] == "rex.png" and len(prediction["id"]) == 32
    assert set(prediction) == {"id", "file", "prediction", "confidence", "top"}


def test_an_answer_says_which_model_it_is_of_and_since_when_that_is_champion(pets: Path, serve: Serve) -> None:
    (pets / "champion" / "decision.json").write_text(json.dumps({"time": "2026-05-04T03:02:01.000+00:00"}))
    sha256 = hashlib.sha256((pets / "champion" / "model.onnx").read_bytes()).hexdigest()
    told = serve().post("/predict", files={"files": grey(10)}).json()["model"]
    assert told == {"version": sha256[:12], "sha256": sha256, "promoted": "2026-05-04T03:02:01.000+00:00"}


def test_a_broken_picture_has_its_own_error_and_spoils_no_other(pets: Path, serve: Serve) -> None:
    files = [
        ("dark.png", grey(0)),
        ("half.png", grey(0)[:40]),
        ("letter.txt", b"Dear cat"),
        ("bright.jpg", grey(255, kind="JPEG")),
    ]
    answer = serve().post("/predict", files=[("files", one) for one in files])
    predictions = answer.json()["predictions"]
    assert answer.status_code == 200
    assert [one.get("prediction") for one in predictions] == ["cat", None, None, "dog"]
    assert [one["file"] for one in predictions] == ["dark.png", "half.png", "letter.txt", "bright.jpg"]
    assert "header is broken" in predictions[1]["error"] or "truncated" in predictions[1]["error"]
    assert predictions[2]["error"].startswith("unreadable: no picture")


def test_pictures_come_as_base64_too_with_or_without_what_a_browser_puts_before_it(pets: Path, serve: Serve) -> None:
    text = base64.b64encode(grey(255)).decode()
    answer = serve().post("/predict", json={"images": [text, f"data:image/png;base64,{text}", "no base64!", 17]})
    predictions = answer.json()["predictions"]
    assert [one.get("prediction") for one in predictions] == ["dog", "dog", None, None]
    assert "not base64" in predictions[2]["error"] and "must be a text" in predictions[3]["error"]


def test_the_number_of_classes_in_an_answer_is_asked_for(pets: Path, serve: Serve) -> None:
    (prediction,) = serve().post("/predict?top=1", files={"files": grey(204)}).json()["predictions"]
    assert [one["class"] for one in prediction["top"]] == ["dog"]


@pytest.mark.parametrize("name", ["../../../etc/passwd", "<script>alert(1)</script>.png", "\u202egnp.x"])
def test_a_file_name_is_only_told_back(pets: Path, serve: Serve, name: str) -> None:
    before = sorted(pets.rglob("*"))
    answer = serve().post("/predict", files={"files": (name, grey(204))})
    assert answer.status_code == 200 and answer.json()["predictions"][0]["file"] == name
    assert answer.headers["content-type"] == "application/json"
    assert [path for path in pets.rglob("*") if path not in before and not {"predictions", "feedback"} & set(path.parts)] == []


# ---- rows ------------------------------------------------------------------------------------------------------


@pytest.fixture
def people(tmp_path: Path, serve: Serve) -> TestClient:
    write_old(tmp_path / "data" / "people" / "champion")
    return serve("people")


def test_rows_are_answered_in_their_order_whether_values_are_texts_numbers_or_missing(people: TestClient) -> None:
    rows = [
        {"age": 80, "sex": "f", "city": "Ulm"},
        {"age": " 20.0 ", "sex": None, "city": "Bonn", "note": "ignored"},
        {"age": None, "sex": "m", "city": "Ulm"},
    ]
    predictions = people.post("/predict", json={"rows": rows}).json()["predictions"]
    assert [one["prediction"] for one in predictions] == ["yes", "no", "no"]
    assert [one["confidence"] for one in predictions] == pytest.approx([0.8, 0.8, 0.5])


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"age": 7, "sexx": "f", "sex": "f", "city": "Ulm"}, "unknown column \"sexx\", did you mean 'sex'?"),
        ({"age": 7, "city": "Ulm"}, 'column "sex" is not given'),
        ({"age": 700, "sex": "f", "city": "Ulm"}, "age: '700' is above the maximum 100"),
        ({"age": "old", "sex": "f", "city": "Ulm"}, "age: 'old' is no number"),
        ({"age": 7, "sex": "x", "city": "Ulm"}, "sex: 'x' is none of the allowed words"),
        ({"age": 7, "sex": "f", "city": None}, "city: the cell is missing"),
        ({"age": [7], "sex": "f", "city": "Ulm"}, "age: [7] is neither a text nor a number"),
        ({"age": True, "sex": "f", "city": "Ulm"}, "age: 'true' is no number"),
        ({"age": 1e999, "sex": "f", "city": "Ulm"}, "age: Infinity is neither"),
        ({"age": 7, "sex": "f", "city": "\ud800"}, 'city: "\\ud800" is neither'),
        (17, "a row must be an object"),
    ],
)
def test_a_row_that_does_not_fit_says_why_and_spoils_no_other(people: TestClient, row: object, told: str) -> None:
    body = json.dumps({"rows": [row, {"age": 90, "sex": "f", "city": "Ulm"}]}).replace("Infinity", "1e999")
    answer = people.post("/predict", content=body, headers={"Content-Type": "application/json"})
    broken, intact = answer.json()["predictions"]
    assert answer.status_code == 200 and intact["prediction"] == "yes"
    assert told in broken["error"]


def test_where_no_row_fits_the_status_says_so(people: TestClient) -> None:
    answer = people.post("/predict", json={"rows": [{"colour": "red"}]})
    assert answer.status_code == 422 and 'unknown column "colour"' in answer.json()["error"]


def test_a_table_tells_its_columns(people: TestClient) -> None:
    told = people.get("/model").json()
    assert told["given"] == "rows" and told["classes"] == ["no", "yes"]
    assert [one["name"] for one in told["columns"]] == ["age", "sex", "city"]
    assert told["columns"][1] == {"name": "sex", "kind": "category", "nullable": True, "allowed": ["f", "m"]}
