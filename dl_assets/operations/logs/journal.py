"""A file that rows are appended to before they are answered, so that none is lost that was acknowledged.

A line is with the kernel when `append` returns: what kills the process, even `kill -9`, loses nothing. What kills the machine
loses what was not flushed: `flush` is called every second.
"""

import fcntl
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import polars as pl

ENDING = ".jsonl"
_TYPES: dict[str, Any] = {
    "String": pl.String,
    "Float64": pl.Float64,
    "Int64": pl.Int64,
    "Floats": pl.List(pl.Float32),
    "Time": pl.Int64,  # microseconds since 1970, in UTC
    "Bytes": pl.String,  # as base64
}
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


class Journal:
    """One file, of rows of the same columns; only its own process writes it, which its lock tells others."""

    def __init__(self, path: Path, columns: dict[str, str]) -> None:
        self.path, self.num_rows, self.opened = path, 0, time.monotonic()
        self._file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_APPEND, 0o644)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._write(_line(columns))

    def append(self, rows: Sequence[dict[str, Any]]) -> None:
        """Add rows, all of them or none. Raises OSError."""
        self._write(b"".join(map(_line, rows)))
        self.num_rows += len(rows)

    def _write(self, content: bytes) -> None:
        before = os.fstat(self._file).st_size
        try:
            written = 0
            while written < len(content):
                written += os.write(self._file, memoryview(content)[written:])
        except OSError:  # the disk is full: half a line would spoil the next one
            os.ftruncate(self._file, before)
            raise

    def flush(self) -> None:
        os.fsync(self._file)

    def close(self) -> None:
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _line(row: dict[str, Any]) -> bytes:
    return _encode(row).encode() + b"\n"


def is_abandoned(path: Path) -> bool:
    """Whether no process writes the journal any more."""
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(file)
    return True


def read_journal(path: Path) -> pl.DataFrame | None:
    """Return the rows; None where there is none. A last line that was cut off was never acknowledged, and is left out."""
    header, _, lines = path.read_bytes().partition(b"\n")
    whole = lines[: lines.rfind(b"\n") + 1]
    if not whole:
        return None
    columns: dict[str, str] = json.loads(header)
    rows = pl.read_ndjson(whole, schema={name: _TYPES[kind] for name, kind in columns.items()})
    times = [
        pl.from_epoch(name, time_unit="us").dt.replace_time_zone("UTC") for name, kind in columns.items() if kind == "Time"
    ]
    payloads = [pl.col(name).str.decode("base64") for name, kind in columns.items() if kind == "Bytes"]
    return rows.with_columns(*times, *payloads)
