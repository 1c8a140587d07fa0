"""What a stage tells is the same on the screen and in the event file."""

import json
from pathlib import Path

import pytest

from dl_assets import progress


@pytest.fixture
def events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(progress.EVENT_FILE, str(tmp_path / "events"))
    monkeypatch.setenv(progress.ADDRESS, "train@digits")
    return tmp_path / "events"


def read(events: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in events.read_text().splitlines()]


def test_without_a_listener_only_the_screen_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(progress.EVENT_FILE, raising=False)
    progress.report(epoch=3, loss=0.123456)
    assert capsys.readouterr().out == "epoch=3 loss=0.1235\n"


def test_an_event_says_which_stage_speaks(events: Path) -> None:
    progress.report(epoch=3, loss=0.123456)
    assert read(events) == [{"kind": "progress", "address": "train@digits", "epoch": 3, "loss": 0.123456}]


def test_tracking_yields_every_item_and_ends_with_all_of_them_done(events: Path) -> None:
    assert list(progress.track("abc", 3)) == ["a", "b", "c"]
    assert [(event["done"], event["total"]) for event in read(events)] == [(3, 3)]


def test_tracking_nothing_is_told_too(events: Path) -> None:
    assert list(progress.track([], 0)) == []
    assert [event["done"] for event in read(events)] == [0]


def test_tracking_tells_the_way_there(events: Path) -> None:
    assert list(progress.track(range(3), 3, every_seconds=0)) == [0, 1, 2]
    assert [event["done"] for event in read(events)] == [1, 2, 3, 3]


def test_a_failure_goes_to_the_error_stream_and_names_its_exit_code(events: Path, capsys: pytest.CaptureFixture[str]) -> None:
    progress.fail("digits.yaml:3: wrong", 2)
    assert capsys.readouterr().err == "digits.yaml:3: wrong\n"
    assert read(events) == [{"kind": "error", "address": "train@digits", "message": "digits.yaml:3: wrong", "exit_code": 2}]
