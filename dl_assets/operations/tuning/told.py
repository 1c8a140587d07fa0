"""How a search is told while it goes: a bar on a terminal, one line a trial elsewhere, JSON lines for programs."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column

from dl_assets import progress
from dl_assets.operations.tuning.page import text
from dl_assets.operations.tuning.study import COUNTED, Row, Study, best_of

Watch = Callable[[list[Row]], None]
Event = dict[str, Any]


@contextmanager
def telling(study: Study, target: int, as_json: bool) -> Iterator[Watch]:
    """Yield what is to be called with all trials now and then; it tells each that has ended once."""
    console = Console()
    if as_json or not console.is_terminal:
        yield _Teller(study, target, _json_line if as_json else _line).watch
        return
    rest = TextColumn("{task.fields[text]}", style="dim", markup=False, table_column=Column(ratio=1, no_wrap=True))
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TimeElapsedColumn(), rest)
    with Progress(*columns, console=console, expand=True) as bars:
        bar = bars.add_task(f"tune {study.pipeline.name}", total=target, text="the first trials begin")
        teller = _Teller(study, target, lambda event, row: bars.print(_words(event, row), highlight=False, markup=False))

        def watch(rows: list[Row]) -> None:
            teller.watch(rows)
            bars.update(bar, completed=_num_done(rows), text=_running(rows))

        yield watch


class _Teller:
    def __init__(self, study: Study, target: int, tell: Callable[[Event, Row], None]) -> None:
        self._metric, self._direction = study.search.options.metric, study.search.direction
        self._target, self._tell = target, tell
        self._told = {row.number for row in study.rows() if row.state not in ("running", "waiting")}

    def watch(self, rows: list[Row]) -> None:
        for row in rows:
            if row.state not in ("running", "waiting") and row.number not in self._told:
                self._told.add(row.number)
                event = self._event(row, rows)
                progress.emit("progress", **event)
                self._tell(event, row)

    def _event(self, row: Row, rows: list[Row]) -> Event:
        best = best_of(rows, self._direction)
        return {
            "done": min(sum(number.state in COUNTED and number.number in self._told for number in rows), self._target),
            "total": self._target,
            "trial": row.number,
            "state": row.state,
            **({self._metric: row.value} if row.value is not None else {}),
            **({"best": best.value, "best_trial": best.number} if best else {}),
        }


def _line(event: Event, row: Row) -> None:
    print(_words(event, row), flush=True)


def _json_line(event: Event, row: Row) -> None:
    print(
        json.dumps(
            {
                "kind": "progress",
                "address": os.environ.get(progress.ADDRESS),
                **event,
                "values": row.values,
                "reason": row.reason,
            }
        ),
        flush=True,
    )


def _words(event: Event, row: Row) -> str:
    measured = [f"{name} {value:.4g}" for name, value in event.items() if name.startswith("val_")]
    how = [
        f"{row.state}{f' ({row.reason})' if row.reason else ''}",
        *measured,
        f"{row.epochs} epoch{'s' * (row.epochs != 1)} in {row.seconds:.1f} s",
    ]
    values = ", ".join(f"{name} {text(value)}" for name, value in row.values.items())
    best = f"; best {event['best']:.4g} of trial {event['best_trial']}" if "best" in event else ""
    return f"{event['done']} of {event['total']}: trial {row.number} {', '.join(how)}; {values}{best}"


def _num_done(rows: list[Row]) -> int:
    return sum(row.state in COUNTED for row in rows)


def _running(rows: list[Row]) -> str:
    return ", ".join(f"trial {row.number} in epoch {row.epochs + 1}" for row in rows if row.state == "running")
