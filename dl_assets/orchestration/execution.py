"""Starts a command in a process session of its own, follows its events, and leaves no process behind."""

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from dl_assets import progress
from dl_assets.errors import Outage, PipelineError

Event = dict[str, Any]
_POLL_SECONDS = 0.1


class RunFailed(PipelineError):
    """A command that `follow` started ended with an error."""

    def __init__(self, message: str, exit_code: int, command: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.exit_code, self.command = exit_code, shown(command)


def reproduce_command(addresses: Sequence[str], forced: Sequence[str] = ()) -> list[str]:
    return [sys.executable, "-m", "dl_assets.orchestration.reproduce", *addresses, *_force(forced)]


def job_command(pipeline: str, stage: str | None, forced: Sequence[str] = ()) -> list[str]:
    return [sys.executable, "-m", "dl_assets.orchestration.job", pipeline, *filter(None, [stage]), *_force(forced)]


def experiment_command(kept: Sequence[str], addresses: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "dl_assets.orchestration.experiment_process", ",".join(kept), ",".join(addresses)]


def dl_command(*words: str) -> list[str]:
    return [sys.executable, "-m", "dl_assets.orchestration.command", *words]


def shown(command: Sequence[str]) -> str:
    """Return what a user types in place of a command of ours.

    >>> shown(dl_command("crossval", "digits", "--folds", "3")), shown(reproduce_command(["clean@digits", "split@digits"]))
    ('dl crossval digits --folds 3', 'dl run digits split')
    """
    if list(command[:2]) != [sys.executable, "-m"]:
        return shlex.join(command)
    if command[2].endswith(".reproduce"):
        stage, _, pipeline = command[-1].partition("@")
        return f"dl run {pipeline} {stage}"
    return shlex.join(["dl", *command[3:]])


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
        raise _failure(command, process.returncode, error)


def _failure(command: Sequence[str], code: int, error: Event | None) -> RunFailed:
    """Return the error that was reported; where none was, what can be told from the end of the process."""
    if error:
        return RunFailed(error["message"].removeprefix("ERROR: "), error["exit_code"], command)
    what = shown(command)
    if code == -signal.SIGKILL:
        told = f"{what} was killed; if nobody did that, the machine may be out of memory. It may help to run it again."
        return RunFailed(told, Outage.exit_code, command)
    return RunFailed(f"{what} failed with exit code {code}.", 1, command)


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


def _force(addresses: Sequence[str]) -> list[str]:
    return ["--force", *addresses] if addresses else []


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
