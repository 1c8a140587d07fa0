"""A log of rows: a journal that is appended to, which becomes a Parquet file when it is full or old.

`data/<pipeline>/predictions/` holds that of all predictions, which is watched for drift, `feedback/` that of the right answers
that came back. `read_log` reads both kinds of file, also while a server writes and while old ones are deleted.
"""

import os
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from dl_assets.operations.logs.journal import ENDING, Journal, is_abandoned, read_journal

MAX_ROWS, MAX_SECONDS = 20_000, 600.0  # of a journal
BEGUN = "%Y%m%dT%H%M%S.%fZ"  # how its name begins
_FLUSHED_SECONDS = 1.0


class Log:
    """Appends rows at once; a thread flushes them every second and turns what is finished into Parquet."""

    def __init__(
        self, folder: Path, tell: Callable[[str], None], max_rows: int = MAX_ROWS, max_seconds: float = MAX_SECONDS
    ) -> None:
        self._folder, self._tell, self._max_rows, self._max_seconds = folder, tell, max_rows, max_seconds
        self._journal: Journal | None = None
        self._columns: dict[str, str] = {}
        self._finished: list[Journal] = []
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._number = 0
        folder.mkdir(parents=True, exist_ok=True)
        recover(folder)
        self._thread = threading.Thread(target=self._keep, name=f"log of {folder.name}")
        self._thread.start()

    def append(self, columns: dict[str, str], rows: Sequence[dict[str, Any]]) -> None:
        """Write rows that have these columns. When it returns they survive the end of this process. Raises OSError."""
        with self._lock:
            if self._journal is None or columns != self._columns or self._journal.num_rows >= self._max_rows:
                self._finish()
                self._journal, self._columns = self._open(columns), columns
            self._journal.append(rows)

    def _open(self, columns: dict[str, str]) -> Journal:
        self._number += 1
        name = f"{datetime.now(UTC):{BEGUN}}-{os.getpid()}-{self._number}{ENDING}"
        return Journal(self._folder / name, columns)

    def _finish(self) -> None:
        if self._journal:
            self._finished.append(self._journal)
        self._journal = None

    def _keep(self) -> None:
        while not self._stop.wait(_FLUSHED_SECONDS):
            with self._lock:
                current = self._journal
                is_old = current and time.monotonic() - current.opened > self._max_seconds
                if current and (is_old or not current.path.exists()):  # somebody deleted it: what comes needs another
                    self._finish()
            try:
                if current:
                    current.flush()
                self._store()
            except OSError as error:
                self._tell(f"the log in {self._folder} cannot be written ({error}). Make room on its disk.")

    def _store(self) -> None:
        """Only one thread calls this at a time, and closes journals."""
        while self._finished:
            journal = self._finished[0]
            try:
                store(journal.path)
            except FileNotFoundError:  # an error that no next attempt would mend
                self._tell(
                    f"{journal.path} was deleted while it was written: its rows ({journal.num_rows}) are lost. "
                    "Delete only .parquet files while a server runs."
                )
            self._finished.pop(0).close()

    def close(self) -> None:
        """Turn what is there into Parquet."""
        self._stop.set()
        self._thread.join()
        with self._lock:
            self._finish()
        self._store()


def recover(folder: Path) -> None:
    """Turn the journals of processes that were killed into Parquet."""
    for path in sorted(folder.glob(f"*{ENDING}")):
        if is_abandoned(path):
            store(path)
    for path in folder.glob(".*.tmp"):
        path.unlink(missing_ok=True)


def store(journal: Path) -> None:
    """Write the rows of a journal as Parquet under the same name and delete it; a crash in between leaves no row twice."""
    target = journal.with_suffix(".parquet")
    rows = None if target.exists() else read_journal(journal)
    if rows is not None:
        temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        rows.write_parquet(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
    journal.unlink(missing_ok=True)


def read_log(folder: Path) -> pl.DataFrame:
    """Return all rows in the order of their time, those that are still in a journal as well."""
    # Journals first: one that becomes Parquet meanwhile is then met twice, and not missed.
    frames = {path.stem: _read_if_there(read_journal, path) for path in folder.glob(f"*{ENDING}")}
    frames |= {path.stem: _read_if_there(pl.read_parquet, path) for path in folder.glob("*.parquet")}
    found = [frame for _, frame in sorted(frames.items()) if frame is not None]
    return pl.concat(found, how="diagonal").sort("time", maintain_order=True) if found else pl.DataFrame()


def _read_if_there(read: Callable[[Path], pl.DataFrame | None], path: Path) -> pl.DataFrame | None:
    try:
        return read(path)
    except FileNotFoundError:
        return None
