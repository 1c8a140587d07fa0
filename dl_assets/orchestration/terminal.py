"""`dl run` in a terminal: a bar for each stage, plain lines where there is no terminal, JSON lines for programs."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Protocol

from rich.console import Console
from rich.progress import Progress, ProgressColumn, SpinnerColumn, Task, TaskID, TextColumn
from rich.progress_bar import ProgressBar
from rich.table import Column
from rich.text import Text

from dl_assets.orchestration.execution import Event

_WORDS = {"waiting": "waits for another run", "unchanged": "unchanged, skipped", "failed": "failed", "stopped": "stopped"}
_MARKS = {"pending": " ", "done": "[green]✓", "unchanged": "[green]✓", "failed": "[red]✗", "stopped": "[yellow]✗"}
_BAR_WIDTH = 24


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
        rest = Column(ratio=1, no_wrap=True, overflow="ellipsis")
        text = TextColumn("{task.fields[text]}", style="dim", markup=False, table_column=rest)
        columns = (_Mark(), TextColumn("{task.description}"), _Bar(), _Elapsed(), text)
        with Progress(*columns, console=console, expand=True) as progress:
            bars = Bars(progress, addresses)
            try:
                yield bars
            finally:
                bars.stop()


class JsonLines:
    def show(self, event: Event) -> None:
        print(json.dumps(event), flush=True)


class PlainLines:
    def show(self, event: Event) -> None:
        if event["kind"] == "stage":
            print(f"{event['address']}: {_WORDS.get(event['state'], event['state'])}", flush=True)
        elif event["kind"] == "progress":
            print(f"{event['address']}: {_words(event)}", flush=True)


class Bars:
    def __init__(self, progress: Progress, addresses: list[str]) -> None:
        self._progress = progress
        pipelines = {address.partition("@")[2] for address in addresses}
        self._tasks: dict[str, TaskID] = {
            address: progress.add_task(
                address.partition("@")[0].ljust(8) if len(pipelines) == 1 else address,
                total=None,
                start=False,
                text="",
                state="pending",
            )
            for address in addresses
        }

    def show(self, event: Event) -> None:
        task = self._tasks.get(event.get("address") or "")
        if task is None:
            return
        if event["kind"] == "picture":
            return
        if event["kind"] in ("progress", "tick"):
            self._progress.update(task, completed=event.get("done"), total=event.get("total"), text=_words(event))
        else:
            self._turn(task, event["state"] if event["kind"] == "stage" else "failed")

    def stop(self) -> None:
        """Let no bar move on after the run."""
        for task in self._progress.tasks:
            if task.fields["state"] in ("running", "waiting"):
                self._turn(task.id, "stopped")

    def _turn(self, task: TaskID, state: str) -> None:
        kept = self._progress.tasks[task].fields["text"] if state == "done" else ""
        self._progress.update(task, text=_WORDS.get(state, kept), state=state)
        if state == "running":
            self._progress.start_task(task)
        elif self._progress.tasks[task].started:
            self._progress.stop_task(task)


class _Mark(ProgressColumn):
    """What has become of a stage; a spinner while it runs or waits."""

    def __init__(self) -> None:
        super().__init__()
        self._spinner = SpinnerColumn()

    def render(self, task: Task) -> Any:
        mark = _MARKS.get(task.fields["state"])
        return Text.from_markup(mark) if mark else self._spinner.render(task)


class _Bar(ProgressColumn):
    """Full for a stage that is done; moves to and fro while a stage runs that does not tell how far it is."""

    def render(self, task: Task) -> ProgressBar:
        state = task.fields["state"]
        share = 1.0 if state in ("done", "unchanged") else task.completed / task.total if task.total else 0.0
        total = None if state == "running" and not task.total else 1.0
        return ProgressBar(total=total, completed=share, width=_BAR_WIDTH, animation_time=task.get_time())


class _Elapsed(ProgressColumn):
    def render(self, task: Task) -> Text:
        elapsed = "" if task.elapsed is None else str(timedelta(seconds=int(task.elapsed)))
        return Text(elapsed.rjust(7), style="progress.elapsed")


def _words(event: Event) -> str:
    """Say how far a stage is: how many are done, and what else it measured.

    >>> _words({"kind": "progress", "address": "train@digits", "done": 3, "total": 20, "val_loss": 0.41234})
    '3 of 20, val loss 0.4123'
    """
    count = [f"{event['done']} of {event['total']}"] if "done" in event else []
    values = {key: value for key, value in event.items() if key not in ("kind", "address", "done", "total")}
    return ", ".join([*count, *(f"{key.replace('_', ' ')} {_short(value)}" for key, value in values.items())])


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
