"""`dl run` in a terminal: a bar for each stage, plain lines where there is no terminal, JSON lines for programs."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from dl_assets.orchestration.execution import Event

_STATES = {"running": "running", "waiting": "waiting for another run", "done": "done", "unchanged": "unchanged, skipped"}


class Display(Protocol):
    def show(self, event: Event) -> None: ...


@contextmanager
def display(addresses: list[str], as_json: bool) -> Iterator[Display]:
    """Choose how to show the events of these stages."""
    console = Console()
    if as_json:
        yield JsonLines()
    elif not console.is_terminal:
        yield PlainLines()
    else:
        columns = (
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[text]}", style="dim"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=console) as progress:
            yield Bars(progress, addresses)


class JsonLines:
    def show(self, event: Event) -> None:
        print(json.dumps(event), flush=True)


class PlainLines:
    def show(self, event: Event) -> None:
        values = {key: value for key, value in event.items() if key not in ("kind", "address")}
        if event["kind"] == "stage":
            print(f"{event['address']}: {_STATES[event['state']]}", flush=True)
        elif event["kind"] == "progress":
            print(f"{event['address']}: {_words(values)}", flush=True)


class Bars:
    def __init__(self, progress: Progress, addresses: list[str]) -> None:
        self._progress = progress
        self._tasks: dict[str, TaskID] = {
            address: progress.add_task(address.partition("@")[0].ljust(8), total=None, start=False, text="", visible=True)
            for address in addresses
        }

    def show(self, event: Event) -> None:
        task = self._tasks.get(event.get("address") or "")
        if task is None:
            return
        if event["kind"] == "stage":
            self._stage(task, event["state"])
        elif event["kind"] == "progress":
            values = {key: value for key, value in event.items() if key not in ("kind", "address", "done", "total")}
            count = f"{event['done']}/{event['total']} " if "done" in event else ""
            self._progress.update(task, completed=event.get("done"), total=event.get("total"), text=count + _words(values))

    def _stage(self, task: TaskID, state: str) -> None:
        if state == "running":
            self._progress.start_task(task)
        if state in ("done", "unchanged"):
            text = _STATES[state] if state == "unchanged" else self._progress.tasks[task].fields["text"]
            total = self._progress.tasks[task].total or 1
            self._progress.update(task, total=total, completed=total, text=text)
            self._progress.stop_task(task)
        else:
            self._progress.update(task, text=_STATES[state])


def _words(values: dict[str, Any]) -> str:
    return " ".join(
        f"{key.replace('_', ' ')} {value:.4g}" if isinstance(value, float) else f"{key.replace('_', ' ')} {value}"
        for key, value in values.items()
    )
