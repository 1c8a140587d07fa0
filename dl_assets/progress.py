"""How a stage tells the outside world what it is doing: plain lines, and events for whoever started it.

The event file is named by the environment variable DL_PROGRESS; each line of it is one JSON object with a `kind`, so that
Dagster, `dl run` and a log file all read the same thing: `progress` and `error` are for everybody, `tick` only moves the bar of
a terminal, `picture` names a PNG that is worth a look while a stage runs, and `stage` says what becomes of one.
"""

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

EVENT_FILE = "DL_PROGRESS"
DEBUG = "DL_DEBUG"  # set by `dl --debug`: show tracebacks as well
ADDRESS = "DL_ADDRESS"  # set by the runner: which stage of which pipeline is speaking, e.g. train@digits


def emit(kind: str, **values: object) -> None:
    """Append one event to the event file, if somebody is listening."""
    path = os.environ.get(EVENT_FILE)
    if path:
        with Path(path).open("a", encoding="utf-8") as events:
            events.write(json.dumps({"kind": kind, "address": os.environ.get(ADDRESS), **values}) + "\n")


def report(**values: object) -> None:
    """Tell how far a stage is. `done` and `total` draw a bar; everything else is shown beside it."""
    print(" ".join(f"{name}={_short(value)}" for name, value in values.items()), flush=True)
    emit("progress", **values)


def track(items: Iterable[T], total: int, every_seconds: float = 1.0) -> Iterator[T]:
    """Yield the items and report how many are done, at most once in `every_seconds` and at the end."""
    told = time.monotonic()
    done = 0
    for done, item in enumerate(items, 1):
        yield item
        if time.monotonic() - told >= every_seconds:
            report(done=done, total=total)
            told = time.monotonic()
    report(done=done, total=total)


def fail(message: str, exit_code: int) -> None:
    """Tell why a stage stopped, on the error stream and as an event."""
    print(message, file=sys.stderr, flush=True)
    emit("error", message=message, exit_code=exit_code)


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
