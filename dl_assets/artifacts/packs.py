"""Payloads of any length in few large files: what `raw/` keeps of the source."""

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import fsspec
import polars as pl

from dl_assets.artifacts.rejection import Rejection
from dl_assets.errors import ArtifactError, DataError

MAX_SHARD_BYTES = 512 * 1024**2


class PackWriter:
    """Append payloads to `payload-<first_shard>.bin` and the files after it."""

    def __init__(self, folder: Path, first_shard: int = 0, max_shard_bytes: int = MAX_SHARD_BYTES) -> None:
        self._folder, self._max_shard_bytes = folder, max_shard_bytes
        self._shard, self._offset = first_shard - 1, 0
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._file:
            self._file.close()

    def write(self, payload: bytes) -> tuple[int, int]:
        """Append one payload; return (shard, offset in bytes)."""
        if self._file is None or (self._offset and self._offset + len(payload) > self._max_shard_bytes):
            self._next_shard()
        assert self._file is not None
        offset = self._offset
        self._file.write(payload)
        self._offset += len(payload)
        return self._shard, offset

    def _next_shard(self) -> None:
        if self._file:
            self._file.close()
        self._shard, self._offset = self._shard + 1, 0
        self._file = (self._folder / pack_name(self._shard)).open("wb")


def pack_name(shard: int) -> str:
    return f"payload-{shard:05d}.bin"


def fingerprint(payload: bytes) -> str:
    """Name a payload by its bytes."""
    return blake2b(payload, digest_size=16).hexdigest()


def read_payloads(folder: Path, samples: pl.DataFrame) -> Iterator[bytes | Rejection]:
    """Yield the payload of each row, holding one in memory at a time.

    A row without a shard was kept by reference (`source: {keep: reference}`): it is read from its location, and is a
    Rejection where it is not what it was. A row with a problem is a Rejection too: ingest could not read it.
    """
    columns = ("shard", "offset", "size_bytes", "location", "content", "problem")
    files: dict[int, BinaryIO] = {}
    try:
        for shard, offset, size, location, content, problem in samples.select(columns).iter_rows():
            if problem is not None:
                yield Rejection("unreadable", problem)
            elif shard is None:
                yield _read_reference(location, content)
            else:
                if shard not in files:
                    files[shard] = (folder / pack_name(shard)).open("rb")
                yield _read_piece(files[shard], folder / pack_name(shard), offset, size)
    finally:
        for file in files.values():
            file.close()


def _read_piece(file: BinaryIO, path: Path, offset: int, size: int) -> bytes:
    file.seek(offset)
    payload = file.read(size)
    if len(payload) != size:
        raise ArtifactError(
            f"{path} ends early: {size} bytes wanted at {offset}, {len(payload)} found. Delete the folder and run ingest again."
        )
    return payload


def _read_reference(location: str, content: str) -> bytes | Rejection:
    try:
        with fsspec.open(location, "rb") as file:
            payload: bytes = file.read()
    except FileNotFoundError:
        return Rejection("unreadable", f"{location} was there when it was ingested and is not any more")
    except OSError as error:
        raise DataError(f"{location} cannot be read ({error}). It is kept by reference: source.keep is 'reference'.") from error
    if fingerprint(payload) != content:
        return Rejection("unreadable", f"{location} has changed since it was ingested (its hash differs)")
    return payload
