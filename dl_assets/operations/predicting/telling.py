"""How far a prediction is: a bar on a terminal, plain lines elsewhere, JSON lines for programs, events for Dagster."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from dl_assets import progress

Tell = Callable[[int], None]
_EVERY_SECONDS = 2.0


@contextmanager
def telling(pipeline: str, what: str, total: int | None, *, as_json: bool) -> Iterator[Tell]:
    """Yield what is to be called with the number of inputs that are done."""
    console = Console()
    of = {} if total is None else {"total": total}
    if as_json or not console.is_terminal:
        yield _now_and_then(lambda done: _tell(pipeline, what, {"done": done, **of}, as_json=as_json))
        return
    texts = (TextColumn("predict {task.description}"), BarColumn(bar_width=24), TextColumn("{task.completed:,} " + what))
    with Progress(*texts, TimeElapsedColumn(), TimeRemainingColumn(), console=console) as bars:
        bar = bars.add_task(pipeline, total=total)
        emit = _now_and_then(lambda done: progress.emit("progress", done=done, **of))

        def tell(done: int) -> None:
            bars.update(bar, completed=done)
            emit(done)

        yield tell


def _tell(pipeline: str, what: str, event: dict[str, int], *, as_json: bool) -> None:
    progress.emit("progress", **event)
    if as_json:
        print(json.dumps({"kind": "progress", "address": pipeline, **event}), flush=True)
    else:
        of = f" of {event['total']:,}" if "total" in event else ""
        print(f"{pipeline}: {event['done']:,}{of} {what}", flush=True)


def _now_and_then(tell: Tell) -> Tell:
    told = time.monotonic()

    def maybe(done: int) -> None:
        nonlocal told
        if time.monotonic() - told >= _EVERY_SECONDS:
            told = time.monotonic()
            tell(done)

    return maybe
