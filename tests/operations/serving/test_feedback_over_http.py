"""Right answers over HTTP: taken one by one or refused with a reason, and kept whatever ends the server."""

import json
import os
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fastapi.testclient import TestClient
from operations.logs.mishaps import delete_once_listed
from operations.serving.champions import grey, write_old
from operations.serving.conftest import Serve

from dl_assets.operations.feedback import read_feedback
from dl_assets.operations.logs import ids
from dl_assets.operations.logs.ids import new_id, time_of
from dl_assets.operations.logs.journal import Journal


def ask(client: TestClient, *shades: int) -> list[str]:
    """Ask about grey pictures; return the ids of the predictions."""
    answer = client.post("/predict", files=[("files", grey(shade)) for shade in shades])
    return [one["id"] for one in answer.json()["predictions"]]


def tell(client: TestClient, *told: Any) -> Any:
    content = json.dumps({"feedback": list(told)})  # with what JSON can write and UTF-8 cannot
    return client.post("/feedback", content=content, headers={"Content-Type": "application/json"})


def kept(folder: Path) -> dict[str, str]:
    return dict(read_feedback(folder / "feedback").select("id", "target").iter_rows())


def test_a_right_answer_is_kept_beside_its_prediction(pets: Path, serve: Serve) -> None:
    client = serve()
    dark, bright = ask(client, 0, 255)
    answer = tell(client, {"id": dark, "target": "cat"}, {"id": bright, "target": " cat "})
    assert (answer.status_code, answer.json()) == (
        200,
        {"feedback": [{"id": dark, "outcome": "taken"}, {"id": bright, "outcome": "taken"}]},
    )
    assert kept(pets) == {dark: "cat", bright: "cat"}


def test_what_is_told_later_counts(pets: Path, serve: Serve) -> None:
    client = serve()
    (one,) = ask(client, 0)
    for target in ("cat", "dog"):
        assert tell(client, {"id": one, "target": target}).status_code == 200
    assert kept(pets) == {one: "dog"}


def test_one_that_cannot_be_taken_says_why_and_spoils_no_other(pets: Path, serve: Serve) -> None:
    client = serve()
    first, second = ask(client, 0, 255)
    stranger = new_id()
    wrong: list[tuple[Any, str]] = [
        ({"id": second, "target": "cow"}, "it comes with the target 'cow', which the model does not know"),
        ({"id": second, "target": ""}, "it comes without a target"),
        ({"id": stranger, "target": "cat"}, "it comes with an id that no logged prediction has"),
        ({"id": "../../etc/passwd", "target": "cat"}, "it comes with an id that no logged prediction has"),
        ({"id": second, "target": None}, "its target is neither a text nor a number"),
        ({"id": second, "target": True}, "its target is neither a text nor a number"),
        ({"id": 17, "target": "cat"}, "its id is no text"),
        ({"id": "\ud800", "target": "cat"}, "its id is no text"),
        ({"id": second, "target": "\ud800"}, "its target is neither a text nor a number"),
        ({"id": second}, "it must have the fields id and target, and no other; found: 'id'"),
        (
            {"id": second, "target": "cat", "x": 1},
            "it must have the fields id and target, and no other; found: 'id', 'target', 'x'",
        ),
        ("cat", "it must have the fields id and target, and no other; found: str"),
    ]
    answer = tell(client, {"id": first, "target": "cat"}, *[one for one, _ in wrong])
    taken, *refused = answer.json()["feedback"]
    assert answer.status_code == 200 and taken == {"id": first, "outcome": "taken"}
    assert [one["error"] for one in refused] == [why for _, why in wrong]
    assert kept(pets) == {first: "cat"}
    text = client.get("/metrics").text
    assert 'dl_feedback_total{outcome="taken"} 1.0' in text and f'dl_feedback_total{{outcome="refused"}} {len(wrong)}.0' in text
    assert 'dl_requests_total{path="/feedback",status="200"} 1.0' in text


def test_two_answers_to_the_same_prediction_at_once_are_none(pets: Path, serve: Serve) -> None:
    client = serve()
    (one,) = ask(client, 0)
    answer = tell(client, {"id": one, "target": "cat"}, {"id": one, "target": "dog"})
    assert answer.status_code == 422 and kept(pets) == {}
    assert answer.json()["error"] == "nothing was taken; the first: it comes with an id that has two targets"


@pytest.mark.parametrize(
    ("request_", "status", "why"),
    [
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 400, "The body is no JSON"),
        ({"json": {"feedback": []}}, 422, "There is no input"),
        ({"json": {"images": []}}, 422, "The body must have one key, 'feedback'"),
        ({"files": {"files": b"x"}}, 415, "The content type is 'multipart/form-data'"),
        ({"json": {"feedback": [{"id": "a", "target": "cat"}] * 101}}, 413, "for many there is: dl feedback"),
        ({"json": {"feedback": ["x" * 2_000_000]}}, 413, "The request is larger than 1 MB"),
    ],
    ids=str,
)
def test_a_request_that_is_no_feedback_says_what_to_send(
    pets: Path, serve: Serve, request_: dict[str, Any], status: int, why: str
) -> None:
    answer = serve(limits={"max_megabytes": 1.0}).post("/feedback", **request_)
    assert answer.status_code == status and why in answer.json()["error"]


def test_feedback_needs_the_key(pets: Path, serve: Serve) -> None:
    assert tell(serve(key="secret"), {"id": "a", "target": "cat"}).status_code == 401


def test_a_number_is_told_as_text_or_as_number(tmp_path: Path, serve: Serve) -> None:
    write_old(tmp_path / "data/people/champion")
    client = serve("people")
    rows = [{"age": 80, "sex": "f", "city": "Ulm"}] * 2
    one, other = [found["id"] for found in client.post("/predict", json={"rows": rows}).json()["predictions"]]
    told = client.get("/model").json()["classes"]
    assert tell(client, {"id": one, "target": told[0]}, {"id": other, "target": 3.5}).json()["feedback"] == [
        {"id": one, "outcome": "taken"},
        {"id": other, "error": "it comes with the target '3.5', which the model does not know"},
    ]


def test_what_cannot_be_written_is_not_confirmed(pets: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    client = serve()
    (one,) = ask(client, 0)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "append", full)
        answer = tell(client, {"id": one, "target": "cat"})
    assert answer.status_code == 503 and "No space left on device" in answer.json()["error"]
    assert answer.headers["retry-after"] == "10" and kept(pets) == {}


def test_a_prediction_of_an_earlier_server_can_be_answered_and_files_of_other_times_are_not_opened(
    pets: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_hour_ago = time.time_ns() - 3_600_000_000_000
    with monkeypatch.context() as patch:
        patch.setattr(ids.time, "time_ns", lambda: an_hour_ago)
        old = new_id()
    assert time_of(old) == pytest.approx(an_hour_ago / 1e9, abs=0.01)
    folder = pets / "predictions"
    folder.mkdir()
    written = {}
    for hours in (0, 1, 2):
        name = time.strftime("%Y%m%dT%H%M%S.000000Z-1-1.parquet", time.gmtime(an_hour_ago / 1e9 - 1 + 3600 * (1 - hours)))
        (folder / name).write_bytes(b"broken")
        os.utime(folder / name, (an_hour_ago / 1e9 + 60 + 3600 * (1 - hours),) * 2)
        written[hours] = folder / name
    journal = written[1].with_suffix(".jsonl")
    written[1].unlink()
    journal.write_text(json.dumps({"id": "String"}) + "\n" + json.dumps({"id": old}) + "\n")
    os.utime(journal, (an_hour_ago / 1e9 - 0.005,) * 2)  # the clock of files is coarser
    assert tell(serve(), {"id": old, "target": "cat"}).status_code == 200
    assert kept(pets) == {old: "cat"}


def test_old_logs_may_be_deleted_while_an_answer_is_taken(pets: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    client = serve()
    (one,) = ask(client, 0)
    forgotten = new_id()
    old = pets / "predictions" / time.strftime("%Y%m%dT%H%M%S.000000Z-1-1.parquet", time.gmtime())
    pl.DataFrame({"id": [forgotten]}).write_parquet(old)
    delete_once_listed(old, monkeypatch)
    answer = tell(client, {"id": one, "target": "cat"}, {"id": forgotten, "target": "cat"})
    assert answer.status_code == 200 and not old.exists()
    assert answer.json()["feedback"] == [
        {"id": one, "outcome": "taken"},
        {"id": forgotten, "error": "it comes with an id that no logged prediction has"},
    ]


def test_a_killed_server_loses_no_answer_that_it_confirmed(pets: Path, serve: Serve) -> None:
    """What its journal holds is read, and becomes Parquet when the next server starts."""
    folder = pets / "feedback"
    folder.mkdir()
    with Journal(folder / "20260101T000000.000000Z-1-1.jsonl", {"id": "String", "target": "String", "time": "Time"}) as journal:
        journal.append([{"id": "a", "target": "cat", "time": 1}])
    assert kept(pets) == {"a": "cat"}
    serve()
    assert kept(pets) == {"a": "cat"} and [path.suffix for path in folder.glob("2*")] == [".parquet"]


def test_the_document_tells_of_it(pets: Path, serve: Serve) -> None:
    described = serve().get("/openapi.json").json()["paths"]["/feedback"]["post"]
    assert set(described["responses"]) == {"200", "400", "401", "408", "413", "415", "422", "503"}
