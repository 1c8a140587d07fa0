"""A prediction that is ended in the middle, by whatever, goes on where it was; nothing that changed is taken for done."""

import signal
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from operations.predicting.asking import ask, dogs, photo
from operations.serving.champions import write_bright

from dl_assets.errors import ConfigError, DataError
from dl_assets.operations.predicting import pictures
from dl_assets.operations.predicting.kept import kept_beside
from dl_assets.operations.predicting.run import Stopped

NAMES = [f"photos/{number}.png" for number in range(10, 45)]
LEVELS = [5 * number for number in range(10, 45)]


@dataclass
class Watch:
    """The files that the model was asked about; at `end` the prediction is stopped as by Ctrl-C."""

    end: str | None = None
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    found, predict = Watch(), pictures.predict

    def watched(exported: Any, samples: Any) -> Iterator[pl.DataFrame]:
        for rows in predict(exported, samples):
            if found.end in rows["file"].to_list():
                raise KeyboardInterrupt
            found.asked += rows["file"].to_list()
            yield rows

    monkeypatch.setattr(pictures, "predict", watched)
    monkeypatch.setattr(pictures, "PIECE_SIZE", 10)
    return found


@pytest.fixture
def stopped(project: Path, watch: Watch) -> Watch:
    """Of 35 pictures, 20 are predicted."""
    for name, level in zip(NAMES, LEVELS, strict=True):
        photo(name, level)
    stop(watch, "photos")
    return watch


def stop(watch: Watch, *paths: str, **options: Any) -> None:
    watch.end = NAMES[25]
    with pytest.raises(Stopped, match=r"20 files are predicted and kept beside p\.parquet: the same command goes on"):
        ask(*paths, **options)
    assert not Path("p.parquet").exists()
    watch.end = None
    watch.asked.clear()


def test_the_same_command_goes_on_and_leaves_nothing_but_the_file(stopped: Watch, capsys: pytest.CaptureFixture[str]) -> None:
    rows = ask("photos")
    assert stopped.asked == NAMES[20:]
    assert rows["file"].to_list() == NAMES and dogs(rows) == LEVELS
    assert "Wrote p.parquet: 35 files, 20 of them kept from a run that was stopped." in capsys.readouterr().out
    assert not list(Path().glob(".*"))


def test_what_is_finished_serves_another_kind_of_file_beside_it_too(stopped: Watch) -> None:
    Path(".p.parquet.pieces").rename(".p.csv.pieces")
    assert dogs(ask("photos", out="p.csv")) == LEVELS and stopped.asked == NAMES[20:]


def test_a_file_that_changed_is_predicted_anew(stopped: Watch) -> None:
    photo(NAMES[3], 255)
    rows = ask("photos")
    assert stopped.asked == NAMES[:10] + NAMES[20:]
    assert dogs(rows) == [*LEVELS[:3], 255, *LEVELS[4:]]


def test_a_file_that_is_lost_or_new_shifts_no_answer(stopped: Watch) -> None:
    Path(NAMES[12]).unlink()
    photo("photos/99.png", 0)
    rows = ask("photos")
    assert stopped.asked == [*NAMES[10:12], *NAMES[13:], "photos/99.png"]
    assert dogs(rows) == [*LEVELS[:12], *LEVELS[13:], 0]


def test_another_model_predicts_everything_anew(stopped: Watch) -> None:
    write_bright(Path("data/pets/champion"), bright="wolf")
    assert set(ask("photos")["prediction"]) == {"cat", "wolf"} and stopped.asked == NAMES


def test_a_manifest_whose_other_columns_changed_is_written_as_it_is_now(project: Path, watch: Watch) -> None:
    for name, level in zip(NAMES, LEVELS, strict=True):
        photo(name, level)
    lines = [f"{name},{number}" for number, name in enumerate(NAMES)]
    Path("list.csv").write_text("\n".join(["file,ward", *lines]))
    stop(watch, "list.csv")
    lines[0] = f"{NAMES[0]},closed"
    Path("list.csv").write_text("\n".join(["file,ward", *lines]))
    rows = ask("list.csv")
    assert watch.asked == NAMES[:10] + NAMES[20:]
    assert rows["ward"].to_list() == ["closed", *map(str, range(1, 35))] and dogs(rows) == LEVELS


def test_of_an_archive_what_is_done_is_passed_over(project: Path, watch: Watch) -> None:
    with tarfile.open("new.tar", "w") as stream:
        for name, level in zip(NAMES, LEVELS, strict=True):
            stream.add(photo(name, level))
    watch.end = f"new.tar/{NAMES[25]}"
    with pytest.raises(Stopped):
        ask("new.tar")
    watch.end = None
    watch.asked.clear()
    assert dogs(ask("new.tar")) == LEVELS
    assert watch.asked == [f"new.tar/{name}" for name in NAMES[20:]]


def test_problems_of_a_run_that_was_stopped_are_told_by_the_one_that_goes_on(project: Path, watch: Watch) -> None:
    for name, level in zip(NAMES, LEVELS, strict=True):
        photo(name, level)
    Path(NAMES[1]).write_bytes(b"")
    stop(watch, "photos")
    with pytest.raises(DataError, match=r"1 of 35 files could not be read: photos/11\.png \(unreadable: 0 bytes\)"):
        ask("photos")


def test_two_at_once_do_not_write_one_file(project: Path) -> None:
    with (
        kept_beside(Path("p.parquet"), "key"),
        pytest.raises(ConfigError, match=r"p\.parquet is being written by another `dl predict`"),
    ):
        ask(photo("a.png", 1))
    assert dogs(ask("a.png")) == [1]


KILLED = """
import os, signal
from dl_assets.__main__ import app
from dl_assets.operations.predicting import inputs, pictures
pictures.PIECE_SIZE, read = 10, inputs._read
def end(place):
    os.kill(os.getpid(), signal.SIGKILL)
inputs._read = lambda place: end(place) if place == "photos/35.png" else read(place)
app(["predict", "pets", "photos", "--out", "p.parquet"])
"""


def test_kill_9_loses_no_piece_that_was_finished(project: Path, watch: Watch) -> None:
    for name, level in zip(NAMES, LEVELS, strict=True):
        photo(name, level)
    assert subprocess.run([sys.executable, "-c", KILLED], check=False).returncode == -signal.SIGKILL
    assert not Path("p.parquet").exists()
    assert dogs(ask("photos")) == LEVELS and watch.asked == NAMES[20:]
    assert not list(Path().glob(".*"))
