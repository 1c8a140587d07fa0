"""The files of a log: nothing in them is lost or there twice, whatever ends the process that writes them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from operations.logs.mishaps import full_disk

from dl_assets.operations.logs.journal import Journal
from dl_assets.operations.logs.log import Log, read_log, recover

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


def test_a_journal_that_somebody_deletes_is_told_and_the_next_ones_are_stored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with log(tmp_path, max_rows=2) as open_log:
        open_log.append(COLUMNS, rows("a", "b"))
        (journal,) = tmp_path.glob("*.jsonl")
        journal.unlink()
        open_log.append(COLUMNS, rows("c"))
    assert f"{journal} was deleted while it was written: its rows (2) are lost. Delete only .parquet" in capsys.readouterr().out
    assert read_log(tmp_path)["id"].to_list() == ["c"]
    assert [file.suffix for file in tmp_path.iterdir()] == [".parquet"]


def test_what_comes_after_somebody_deleted_the_journal_is_kept(tmp_path: Path) -> None:
    told: list[str] = []
    opened = Log(tmp_path, told.append)
    try:
        opened.append(COLUMNS, rows("a"))
        next(tmp_path.glob("*.jsonl")).unlink()
        until = time.monotonic() + 20
        while not told and time.monotonic() < until:
            time.sleep(0.02)
        opened.append(COLUMNS, rows("b"))
        assert read_log(tmp_path)["id"].to_list() == ["b"]
    finally:
        opened.close()
    assert len(told) == 1 and "its rows (1) are lost" in told[0]


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


def test_rows_that_do_not_fit_on_the_disk_are_not_there_by_half(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path, COLUMNS) as journal:
        journal.append(rows("a"))
        with full_disk(path.stat().st_size + 20), pytest.raises(OSError, match="too large"):
            journal.append(rows("b"))
        journal.append(rows("c"))
    path.rename(tmp_path / "20260101T000000.000000Z-1-1.jsonl")
    assert read_log(tmp_path)["id"].to_list() == ["a", "c"]
