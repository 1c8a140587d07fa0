"""The log of predictions: what it holds, and that nothing in it is lost or there twice, whatever ends the server."""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from operations.serving.champions import grey, put, write_bright, write_old
from operations.serving.conftest import Serve

from dl_assets.operations.serving.journal import Journal
from dl_assets.operations.serving.log import Log, read_log, recover

COLUMNS = {"id": "String", "time": "Time", "prediction": "String"}
ROW = {"id": "a", "time": 1_700_000_000_000_000, "prediction": "cat"}


def rows(*ids: str) -> list[dict[str, object]]:
    return [{**ROW, "id": one} for one in ids]


@contextmanager
def log(folder: Path, **options: float) -> Iterator[Log]:
    made = Log(folder, print, **options)  # type: ignore[arg-type]
    try:
        yield made
    finally:
        made.close()


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


# ---- files -----------------------------------------------------------------------------------------------------


def test_a_row_can_be_read_as_soon_as_it_is_appended_and_is_parquet_in_the_end(tmp_path: Path) -> None:
    with log(tmp_path) as open_log:
        open_log.append(COLUMNS, rows("a", "b"))
        assert read_log(tmp_path)["id"].to_list() == ["a", "b"]
        assert not list(tmp_path.glob("*.parquet"))
    (file,) = tmp_path.iterdir()
    stored = pl.read_parquet(file)
    assert file.suffix == ".parquet" and stored["id"].to_list() == ["a", "b"]
    assert stored.schema == {"id": pl.String, "time": pl.Datetime("us", "UTC"), "prediction": pl.String}
    assert stored["time"][0] == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def test_a_journal_that_is_full_becomes_parquet_while_the_next_one_is_written(tmp_path: Path) -> None:
    with log(tmp_path, max_rows=2) as open_log:
        for one in "abcde":
            open_log.append(COLUMNS, rows(one))
        assert read_log(tmp_path)["id"].to_list() == list("abcde")
    assert sorted(len(pl.read_parquet(file)) for file in tmp_path.glob("*.parquet")) == [1, 2, 2]


def test_a_journal_that_is_old_becomes_parquet(tmp_path: Path) -> None:
    with log(tmp_path, max_seconds=0) as open_log:
        open_log.append(COLUMNS, rows("a"))
        until = time.monotonic() + 20
        while not list(tmp_path.glob("*.parquet")) and time.monotonic() < until:
            time.sleep(0.02)
        open_log.append(COLUMNS, rows("b"))
        assert read_log(tmp_path)["id"].to_list() == ["a", "b"]


def test_rows_of_other_columns_get_a_file_of_their_own(tmp_path: Path) -> None:
    with log(tmp_path) as open_log:
        open_log.append(COLUMNS, rows("a"))
        open_log.append({**COLUMNS, "confidence": "Float64"}, [{**ROW, "id": "b", "confidence": 0.5}])
    assert len(list(tmp_path.glob("*.parquet"))) == 2
    assert read_log(tmp_path).select("id", "confidence").rows() == [("a", None), ("b", 0.5)]


def abandoned(folder: Path, *ids: str, torn: bytes = b"") -> Path:
    """What a process leaves that was killed."""
    path = folder / "20260101T000000.000000Z-1-1.jsonl"
    with Journal(path, COLUMNS) as journal:
        journal.append(rows(*ids))
    with path.open("ab") as file:
        file.write(torn)
    return path


def test_what_a_killed_server_left_is_recovered_but_for_a_line_that_was_never_whole(tmp_path: Path) -> None:
    abandoned(tmp_path, "a", "b", torn=b'{"id":"c","ti')
    with log(tmp_path):
        (file,) = tmp_path.glob("*.parquet")
        assert pl.read_parquet(file)["id"].to_list() == ["a", "b"]


def test_a_crash_between_writing_parquet_and_deleting_the_journal_leaves_no_row_twice(tmp_path: Path) -> None:
    path = abandoned(tmp_path, "a")
    content = path.read_bytes()
    recover(tmp_path)
    path.write_bytes(content)
    assert read_log(tmp_path)["id"].to_list() == ["a"]
    recover(tmp_path)
    assert read_log(tmp_path)["id"].to_list() == ["a"] and not path.exists()


def test_a_crash_while_parquet_is_written_loses_nothing(tmp_path: Path) -> None:
    path = abandoned(tmp_path, "a")
    (tmp_path / f".{path.stem}.parquet.1.tmp").write_bytes(b"PAR1")
    recover(tmp_path)
    assert [one.suffix for one in tmp_path.iterdir()] == [".parquet"] and read_log(tmp_path)["id"].to_list() == ["a"]


def test_a_journal_without_a_row_leaves_nothing(tmp_path: Path) -> None:
    abandoned(tmp_path)
    recover(tmp_path)
    assert list(tmp_path.iterdir()) == [] and read_log(tmp_path).is_empty()


def test_the_journal_of_a_server_that_runs_is_left_alone(tmp_path: Path) -> None:
    with log(tmp_path) as one, log(tmp_path) as other:
        one.append(COLUMNS, rows("a"))
        recover(tmp_path)
        one.append(COLUMNS, rows("b"))
        other.append(COLUMNS, rows("c"))
    assert sorted(read_log(tmp_path)["id"]) == ["a", "b", "c"]


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """Let no file grow beyond this size."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_rows_that_do_not_fit_on_the_disk_are_not_there_by_half(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path, COLUMNS) as journal:
        journal.append(rows("a"))
        with full_disk(path.stat().st_size + 20), pytest.raises(OSError, match="too large"):
            journal.append(rows("b"))
        journal.append(rows("c"))
    path.rename(tmp_path / "20260101T000000.000000Z-1-1.jsonl")
    assert read_log(tmp_path)["id"].to_list() == ["a", "c"]


def test_what_cannot_be_logged_is_not_answered(pets: Path, serve: Serve) -> None:
    client = serve()
    assert client.post("/predict", files={"files": grey(204)}).status_code == 200
    (journal,) = (pets / "predictions").glob("*.jsonl")
    with full_disk(journal.stat().st_size + 20):
        answer = client.post("/predict", files={"files": grey(204)})
    assert answer.status_code == 503 and "cannot be logged" in answer.json()["error"]
    assert client.post("/predict", files={"files": grey(204)}).status_code == 200
    assert len(read_log(pets / "predictions")) == 2
