"""uint8 arrays of one shape in few large files: as they are, read by memory mapping, or as JPEGs."""

from collections.abc import Callable, Iterable, Iterator
from operator import getitem
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Protocol, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dl_assets.errors import ArtifactError

MAX_SHARD_BYTES = 512 * 1024**2


class Arrays(Protocol):
    """Stored arrays of some samples; index i is row i of the table they were opened with."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        """Return one array, which may be a view of the file: it is not to be written to."""
        ...

    def each(self, indices: NDArray[np.int64]) -> Iterable[NDArray[np.uint8]]:
        """Return several arrays one after the other, in less time than one by one; as `Mapped` where they are uncompressed."""
        ...

    def batch(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Copy several arrays into one, [B, ...]."""
        ...

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one array. There must be one."""
        ...


class ArrayWriter:
    """Append arrays to `pixels-<first_shard>.npy` and the files after it; the count in each header is set at the end."""

    def __init__(self, folder: Path, first_shard: int = 0, max_shard_bytes: int = MAX_SHARD_BYTES) -> None:
        self._folder, self._max_shard_bytes = folder, max_shard_bytes
        self._shape: tuple[int, ...] | None = None
        self._shard, self._row = first_shard - 1, 0
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
            self._file = (self._folder / _pixels_name(self._shard)).open("wb")
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


class Mapped:
    """Some arrays of memory-mapped shards, one after the other; from each of the `addresses` [N] on lies one without a gap."""

    def __init__(self, maps: dict[int, NDArray[np.uint8]], places: NDArray[np.int64], addresses: NDArray[np.int64]) -> None:
        self._maps, self._places, self.addresses = maps, places, addresses

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        shards, rows = self._places.T.tolist()
        return map(getitem, map(self._maps.__getitem__, shards), rows)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of each of them."""
        return next(iter(self._maps.values())).shape[1:]


class ArrayReader:
    """`Arrays` that are memory-mapped. In another process, where they may be sent, they are opened anew."""

    def __init__(self, folder: Path, samples: pl.DataFrame) -> None:
        self._folder, self._samples = folder, samples.select("shard", "row")
        self._places = self._samples.to_numpy()
        shards: list[int] = sorted(set(samples["shard"]))
        self._maps = {shard: _load(folder / _pixels_name(shard)) for shard in shards}
        self._addresses = self._find()

    def __reduce__(self) -> tuple[Any, ...]:
        return ArrayReader, (self._folder, self._samples)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        shard, row = self._places[index].tolist()
        array: NDArray[np.uint8] = self._maps[shard][row]
        return array

    def each(self, indices: NDArray[np.int64]) -> Mapped:
        return Mapped(self._maps, self._places[indices], self._addresses[indices])

    def batch(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        return stack(self, indices)

    @property
    def shape(self) -> tuple[int, ...]:
        return next(iter(self._maps.values())).shape[1:]

    def _find(self) -> NDArray[np.int64]:
        """Return where in memory each array begins, [N]. Whoever reads there relies on it that all is as it should be."""
        addresses = np.empty(len(self), np.int64)
        for shard, arrays in self._maps.items():
            is_here = self._places[:, 0] == shard
            rows = self._places[is_here, 1]
            missing = rows[(rows < 0) | (rows >= len(arrays))]
            if len(missing) or arrays.shape[1:] != self.shape or arrays.dtype != np.uint8:
                raise ArtifactError(
                    f"{self._folder / _pixels_name(shard)} holds {len(arrays)} arrays of {arrays.shape[1:]}, {arrays.dtype}; "
                    f"expected are those of {self.shape}, uint8, up to number {rows.max()}. "
                    "Delete the folder and run clean again."
                )
            addresses[is_here] = arrays.ctypes.data + rows * arrays.strides[0]
        return addresses


class JpegWriter:
    """Append arrays [H, W, C] as JPEGs to `jpegs-<first_shard>.bin`; where each begins stands in the `.npy` beside it."""

    def __init__(self, folder: Path, first_shard: int = 0, *, quality: int, max_shard_bytes: int = MAX_SHARD_BYTES) -> None:
        self._folder, self._quality, self._max_shard_bytes = folder, quality, max_shard_bytes
        self._shard, self._starts = first_shard - 1, [0]
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._finish_shard()

    def write(self, array: NDArray[np.uint8]) -> tuple[int, int]:
        """Append one array; return (shard, row in that shard)."""
        import simplejpeg

        space = "GRAY" if array.shape[-1] == 1 else "RGB"
        encoded: bytes = simplejpeg.encode_jpeg(np.ascontiguousarray(array), quality=self._quality, colorspace=space)
        if self._file is None or self._starts[-1] + len(encoded) > self._max_shard_bytes:
            self._finish_shard()
            self._shard, self._starts = self._shard + 1, [0]
            self._file = (self._folder / _jpegs_name(self._shard)).open("wb")
        self._file.write(encoded)
        self._starts.append(self._starts[-1] + len(encoded))
        return self._shard, len(self._starts) - 2

    def _finish_shard(self) -> None:
        if self._file:
            self._file.close()
            self._file = None
            np.save((self._folder / _jpegs_name(self._shard)).with_suffix(".npy"), np.array(self._starts, dtype=np.int64))


class JpegReader:
    """`Arrays` that are decoded when they are read. In another process, where they may be sent, they are opened anew."""

    def __init__(self, folder: Path, samples: pl.DataFrame) -> None:
        self._folder, self._samples = folder, samples.select("shard", "row")
        self._places = self._samples.to_numpy()
        names = {shard: folder / _jpegs_name(shard) for shard in sorted(set(samples["shard"]))}
        self._bytes: dict[int, NDArray[np.uint8]] = {shard: np.memmap(path, np.uint8, "r") for shard, path in names.items()}
        self._starts = {shard: _load(path.with_suffix(".npy")) for shard, path in names.items()}
        self._space = "GRAY" if _num_channels(self._encoded(0)) == 1 else "RGB"

    def __reduce__(self) -> tuple[Any, ...]:
        return JpegReader, (self._folder, self._samples)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        import simplejpeg

        array: NDArray[np.uint8] = simplejpeg.decode_jpeg(self._encoded(index), self._space)
        return array

    def each(self, indices: NDArray[np.int64]) -> Iterator[NDArray[np.uint8]]:
        return map(self.__getitem__, indices.tolist())

    def batch(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        return stack(self, indices)

    @property
    def shape(self) -> tuple[int, ...]:
        import simplejpeg

        height, width, *_ = simplejpeg.decode_jpeg_header(self._encoded(0))
        return (height, width, 1 if self._space == "GRAY" else 3)

    def _encoded(self, index: int) -> NDArray[np.uint8]:
        shard, row = (int(value) for value in self._places[index])
        start, end = self._starts[shard][row : row + 2]
        return self._bytes[shard][start:end]


def stack(arrays: Arrays, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Copy several arrays into one, [B, ...]."""
    out = np.empty((len(indices), *arrays.shape), np.uint8)
    for place, array in zip(out, arrays.each(indices), strict=True):
        place[...] = array
    return out


def _num_channels(encoded: NDArray[np.uint8]) -> int:
    import simplejpeg

    return 1 if simplejpeg.decode_jpeg_header(encoded)[2].upper() == "GRAY" else 3


WRITERS: dict[str, Callable[..., ArrayWriter | JpegWriter]] = {"pixels": ArrayWriter, "jpeg": JpegWriter}


def open_arrays(folder: Path, samples: pl.DataFrame) -> Arrays:
    """Open the arrays of the given samples (columns shard, row), whichever way they are stored."""
    if len(samples) and (folder / _jpegs_name(int(samples["shard"][0]))).exists():
        return JpegReader(folder, samples)
    return ArrayReader(folder, samples)


def _load(path: Path) -> NDArray[np.uint8]:
    try:
        # As an ordinary array: a view of a memmap takes a microsecond longer to make, for each picture of each epoch.
        mapped: NDArray[np.uint8] = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path} cannot be read ({error}). Delete the folder and run clean again.") from error
    return mapped


def _pixels_name(shard: int) -> str:
    return f"pixels-{shard:05d}.npy"


def _jpegs_name(shard: int) -> str:
    return f"jpegs-{shard:05d}.bin"
