"""Commands that are followed: their events arrive, their errors are told, and nothing of them stays behind."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from workspace import wait_for

from dl_assets import progress
from dl_assets.orchestration.execution import RunFailed, follow

EMIT = "from dl_assets import progress; "


def run_code(code: str, root: Path, **options: Any) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    follow([sys.executable, "-c", code], root, events.append, **options)
    return events


def test_every_event_arrives_in_order(tmp_path: Path) -> None:
    events = run_code(EMIT + "[progress.emit('progress', done=i) for i in range(500)]", tmp_path)
    assert [event["done"] for event in events] == list(range(500))


def test_events_are_passed_on_to_who_listens_to_this_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listener = tmp_path / "outer.jsonl"
    monkeypatch.setenv(progress.EVENT_FILE, str(listener))
    run_code(EMIT + "progress.emit('progress', done=1)", tmp_path)
    assert json.loads(listener.read_text())["done"] == 1


def test_the_first_error_is_raised_with_its_exit_code(tmp_path: Path) -> None:
    code = EMIT + "progress.fail('ERROR: the cause', 2); progress.fail('ERROR: what followed', 1); raise SystemExit(1)"
    with (tmp_path / "log").open("wb") as log, pytest.raises(RunFailed, match=r"^the cause$") as caught:
        run_code(code, tmp_path, output=log)
    assert caught.value.exit_code == 2


def test_an_end_without_a_word_is_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="failed with exit code 3"):
        run_code("raise SystemExit(3)", tmp_path)


def test_children_end_with_the_command_when_the_listener_is_interrupted(tmp_path: Path) -> None:
    child = (
        "import subprocess, sys; "
        + EMIT
        + (
            "p = subprocess.Popen([sys.executable, '-c', 'import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN);"
            " time.sleep(600)']); progress.emit('progress', pid=p.pid); p.wait()"
        )
    )
    pids: list[int] = []

    def interrupt(event: dict[str, Any]) -> None:
        pids.append(event["pid"])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        follow([sys.executable, "-c", child], tmp_path, interrupt)
    wait_for(lambda: not psutil.pid_exists(pids[0]) or psutil.Process(pids[0]).status() == psutil.STATUS_ZOMBIE, 10)
    assert pids[0] != os.getpid()
