"""Payloads in few large files: byte packs (raw) and uint8 arrays that are read by memory mapping (clean)."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dl_assets.errors import ArtifactError

MAX_SHARD_BYTES = 512 * 1024**2


class PackWriter:
    """Append payloads of any length to `payload-00000.bin`, `payload-00001.bin`, ..."""

    def __init__(self, folder: Path, max_shard_bytes: int = MAX_SHARD_BYTES) -> None:
        self._folder, self._max_shard_bytes = folder, max_shard_bytes
        self._shard, self._offset = -1, 0
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
        self._file = (self._folder / _pack_name(self._shard)).open("wb")


def read_payloads(folder: Path, samples: pl.DataFrame) -> Iterator[bytes]:
    """Yield the payload of each row (shard, offset, size_bytes), holding one payload in memory at a time."""
    files: dict[int, BinaryIO] = {}
    try:
        for shard, offset, size in samples.select("shard", "offset", "size_bytes").iter_rows():
            if shard not in files:
                files[shard] = (folder / _pack_name(shard)).open("rb")
            files[shard].seek(offset)
            payload = files[shard].read(size)
            if len(payload) != size:
                raise ArtifactError(
                    f"{folder / _pack_name(shard)} ends early: {size} bytes wanted at {offset}, "
                    f"{len(payload)} found. Delete the folder and run ingest again."
                )
            yield payload
    finally:
        for file in files.values():
            file.close()


class ArrayWriter:
    """Append uint8 arrays of one shape to `pixels-00000.npy`, ...; the count in each header is set at the end."""

    def __init__(self, folder: Path, max_shard_bytes: int = MAX_SHARD_BYTES) -> None:
        self._folder, self._max_shard_bytes = folder, max_shard_bytes
        self._shape: tuple[int, ...] | None = None
        self._shard, self._row = -1, 0
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._finish_shard()

    def write(self, array: NDArray[np.uint8]) -> tuple[int, int]:
        """Append one array; return (shard, row in that shard)."""
        if self._shape is None:
            self._shape = array.shape
        assert array.dtype == np.uint8 and array.shape == self._shape, "all arrays of an artifact have one shape"
        if self._file is None or (self._row + 1) * array.nbytes > self._max_shard_bytes:
            self._finish_shard()
            self._shard, self._row = self._shard + 1, 0
            self._file = (self._folder / _array_name(self._shard)).open("wb")
            self._write_header(self._file)
        self._file.write(np.ascontiguousarray(array).data)
        self._row += 1
        return self._shard, self._row - 1

    def _finish_shard(self) -> None:
        if self._file:
            self._file.seek(0)
            self._write_header(self._file)
            self._file.close()
            self._file = None

    def _write_header(self, file: BinaryIO) -> None:
        # numpy reserves room for the growth of the first axis, so the header keeps its length.
        assert self._shape is not None
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": (self._row, *self._shape)})


class ArrayReader:
    """Arrays of the given samples (columns shard, row), memory-mapped; index i is row i of `samples`."""

    def __init__(self, folder: Path, samples: pl.DataFrame) -> None:
        self._places = samples.select("shard", "row").to_numpy()
        shards: list[int] = sorted(set(samples["shard"]))
        self._maps = {shard: self._open(folder / _array_name(shard)) for shard in shards}

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        shard, row = self._places[index]
        array: NDArray[np.uint8] = self._maps[int(shard)][row]
        return array

    def batch(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Copy several arrays into one, [B, ...]."""
        return np.stack([self[int(index)] for index in indices])

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one array. There must be one."""
        return next(iter(self._maps.values())).shape[1:]

    @staticmethod
    def _open(path: Path) -> NDArray[np.uint8]:
        try:
            mapped: NDArray[np.uint8] = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise ArtifactError(f"{path} cannot be read ({error}). Delete the folder and run clean again.") from error
        return mapped


def _pack_name(shard: int) -> str:
    return f"payload-{shard:05d}.bin"


def _array_name(shard: int) -> str:
    return f"pixels-{shard:05d}.npy"
