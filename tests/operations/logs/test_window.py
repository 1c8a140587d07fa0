"""Which rows of the log are looked at."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dl_assets.operations.logs.journal import Journal
from dl_assets.operations.logs.log import store
from dl_assets.operations.logs.window import answered, latest

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
