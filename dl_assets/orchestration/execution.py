"""Starts a command in a process session of its own, follows its events, and leaves no process behind."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from dl_assets import progress
from dl_assets.errors import PipelineError

Event = dict[str, Any]
_POLL_SECONDS = 0.1


class RunFailed(PipelineError):
    """A command that `follow` started ended with an error."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def reproduce_command(addresses: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "dl_assets.orchestration.reproduce", *addresses]


def job_command(pipeline: str, stage: str | None) -> list[str]:
    return [sys.executable, "-m", "dl_assets.orchestration.job", pipeline, *filter(None, [stage])]


def experiment_command(kept: Sequence[str], addresses: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "dl_assets.orchestration.experiment_process", ",".join(kept), ",".join(addresses)]


def dl_command(*words: str) -> list[str]:
    return [sys.executable, "-m", "dl_assets.orchestration.command", *words]


def follow(
    command: Sequence[str],
    root: Path,
    on_event: Callable[[Event], None],
    output: IO[bytes] | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Run `command` in `root`, call `on_event` for each event of it and of its children, and wait for its end.

    Raises RunFailed with the first error that was reported. However this function is left, the whole process
    session of the command is ended first.
    """
    listener = os.environ.get(progress.EVENT_FILE)
    with tempfile.TemporaryDirectory(prefix="dl-events-") as folder:
        events = Path(folder, "events.jsonl")
        events.touch()
        process = subprocess.Popen(
            command,
            cwd=root,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output else None,
            start_new_session=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {}), progress.EVENT_FILE: str(events)},
        )
        try:
            error = _relay(process, events, on_event, Path(listener) if listener else None)
        except BaseException:
            stop(process)
            raise
    if process.returncode:
        message = error["message"] if error else f"{' '.join(command[-2:])} failed with exit code {process.returncode}."
        raise RunFailed(message.removeprefix("ERROR: "), error["exit_code"] if error else 1)


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End a process and its whole session: politely, then less so, then for good."""
    for number, seconds in ((signal.SIGINT, 5.0), (signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0)):
        if process.poll() is None:
            _signal_session(process.pid, number)
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                continue
    _signal_session(process.pid, signal.SIGKILL)  # children that outlived the leader


def _signal_session(leader: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, number)


def _relay(
    process: "subprocess.Popen[bytes]", events: Path, on_event: Callable[[Event], None], listener: Path | None
) -> Event | None:
    """Pass each event on until the process has ended; return the first error among them."""
    first_error: Event | None = None
    with events.open(encoding="utf-8") as stream:
        while True:
            ended = process.poll() is not None  # asked before reading, so that the last lines are not missed
            for line in _complete_lines(stream):
                event = json.loads(line)
                if event["kind"] == "error":
                    first_error = first_error or event
                if listener:
                    with listener.open("a", encoding="utf-8") as outer:
                        outer.write(line)
                on_event(event)
            if ended:
                return first_error
            time.sleep(_POLL_SECONDS)


def _complete_lines(stream: IO[str]) -> Iterator[str]:
    while True:
        place = stream.tell()
        line = stream.readline()
        if not line.endswith("\n"):  # the end, or a line that is still being written
            stream.seek(place)
            return
        yield line
