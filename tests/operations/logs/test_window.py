"""Which rows of the log are looked at."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from operations.logs.mishaps import delete_once_listed

from dl_assets.operations.logs import window
from dl_assets.operations.logs.ids import new_id
from dl_assets.operations.logs.journal import Journal
from dl_assets.operations.logs.log import BEGUN, read_log, store
from dl_assets.operations.logs.window import answered, latest, logged_among, rows_of, rows_with

COLUMNS = {"id": "String", "time": "Time", "model": "String"}


def write(folder: Path, begun: int, models: str, *, stored: bool = True) -> None:
    """Write a file of the log, begun at this second: a prediction a second, of the models whose names are these letters."""
    rows = [{"id": f"{begun + second}", "time": (begun + second) * 10**6, "model": name} for second, name in enumerate(models)]
    with Journal(folder / f"{begun:04d}-1-1.jsonl", COLUMNS) as journal:
        journal.append(rows)
    if stored:
        store(journal.path)


def ids(rows: pl.DataFrame) -> list[str]:
    return rows["id"].to_list()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    write(tmp_path, 0, "aaaa")
    write(tmp_path, 10, "abab")
    write(tmp_path, 20, "aa", stored=False)
    return tmp_path


def test_the_latest_predictions_of_a_model_come_in_the_order_of_their_time(log: Path) -> None:
    assert ids(latest(log, ["a"], 5)) == ["3", "10", "12", "20", "21"]
    assert ids(latest(log, ["b"], 5)) == ["11", "13"]
    assert ids(latest(log, ["a", "b"], 3)) == ["13", "20", "21"]


def test_files_older_than_the_window_are_not_read(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    original = pl.scan_parquet
    monkeypatch.setattr(pl, "scan_parquet", lambda path: read.append(path.name) or original(path))
    latest(log, ["a"], 4)
    assert read == ["0010-1-1.parquet"]


def test_predictions_are_found_by_their_ids_wherever_they_lie(log: Path) -> None:
    assert ids(answered(log, ["a"], pl.Series(["21", "11", "2", "77"]))) == ["2", "21"]


def test_a_journal_that_becomes_a_parquet_file_meanwhile_is_read_once(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Path.glob

    def glob(folder: Path, pattern: str) -> Any:
        found = list(original(folder, pattern))
        if pattern.endswith(".jsonl"):
            store(log / "0020-1-1.jsonl")
        return found

    monkeypatch.setattr(Path, "glob", glob)
    assert ids(latest(log, ["a"], 3)) == ["12", "20", "21"]


def test_without_a_log_there_is_nothing(tmp_path: Path) -> None:
    found = latest(tmp_path / "predictions", ["a"], 5)
    assert len(found) == 0 and found.columns == ["id", "time", "model"]


# ---- files that somebody deletes meanwhile -----------------------------------------------------------------------------

READERS: dict[str, Callable[[Path], pl.DataFrame]] = {
    "latest": lambda log: latest(log, ["a", "b"], 100),
    "answered": lambda log: answered(log, ["a", "b"], pl.Series(["3", "10", "13", "20"])),
    "rows_with": lambda log: pl.concat(rows_with(log, "model", ["id"])).sort(pl.col("id").cast(pl.Int64)),
    "read_log": read_log,
}


@pytest.mark.parametrize(
    ("reader", "left"),
    [
        ("latest", ["0", "1", "2", "3", "20", "21"]),
        ("answered", ["3", "20"]),
        ("rows_with", ["0", "1", "2", "3", "20", "21"]),
        ("read_log", ["0", "1", "2", "3", "20", "21"]),
    ],
)
def test_a_stored_file_that_is_deleted_once_it_was_listed_has_no_rows(
    log: Path, monkeypatch: pytest.MonkeyPatch, reader: str, left: list[str]
) -> None:
    delete_once_listed(log / "0010-1-1.parquet", monkeypatch)
    assert ids(READERS[reader](log)) == left


@pytest.mark.parametrize("reader", READERS)
def test_a_stored_file_that_is_broken_is_an_error_and_not_a_file_without_rows(log: Path, reader: str) -> None:
    (log / "0010-1-1.parquet").write_bytes(b"PAR1")
    with pytest.raises(pl.exceptions.ComputeError):
        READERS[reader](log)


@pytest.mark.parametrize("reader", READERS)
def test_a_stored_file_that_cannot_be_opened_is_an_error_and_not_a_file_without_rows(log: Path, reader: str) -> None:
    file = log / "0010-1-1.parquet"
    file.unlink()
    file.symlink_to(file)
    with pytest.raises(OSError, match="Too many levels of symbolic links"):
        READERS[reader](log)


@pytest.fixture
def of_now(tmp_path: Path) -> tuple[str, Path]:
    """The id of a prediction that was made just now, and the stored file in which it is."""
    made = new_id()
    with Journal(tmp_path / f"{datetime.now(UTC):{BEGUN}}-1-1.jsonl", {"id": "String"}) as journal:
        journal.append([{"id": made}])
    store(journal.path)
    return made, journal.path.with_suffix(".parquet")


def test_the_id_of_a_prediction_whose_file_is_deleted_once_it_was_listed_is_not_logged(
    of_now: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, file = of_now
    assert logged_among(file.parent, {made}) == {made}
    delete_once_listed(file, monkeypatch)
    assert logged_among(file.parent, {made}) == set()


@pytest.mark.parametrize(
    ("owner", "name"),
    [(window, "read_journal"), (pl.LazyFrame, "collect_schema")],
    ids=["before it is opened", "before its rows are read"],
)
def test_a_file_that_is_deleted_while_it_is_looked_at_has_no_rows(
    of_now: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, owner: Any, name: str
) -> None:
    made, file = of_now
    original = getattr(owner, name)

    def and_delete(given: Any) -> Any:
        try:
            return original(given)
        finally:
            file.unlink()

    monkeypatch.setattr(owner, name, and_delete)
    assert list(rows_of(file.parent, {made}, ["id"])) == [] and not file.exists()
