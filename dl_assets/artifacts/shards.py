"""Arrays of one shape in few large files: as they are, read by memory mapping, or pictures as JPEGs.

Those of pictures are uint8, the rows of a table float64.
"""

from collections.abc import Callable, Iterable, Iterator
from operator import getitem
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Protocol, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dl_assets.errors import ArtifactError

Array = NDArray[Any]  # of one of the types below
Numbers = NDArray[np.int64]

MAX_SHARD_BYTES = 512 * 1024**2
LARGE_BYTES = 4096  # larger arrays are copied one by one in less time than all of a shard at once, and then to their places
_TYPES = (np.dtype(np.uint8), np.dtype(np.float64))


class Arrays(Protocol):
    """Stored arrays of some samples; index i is row i of the table they were opened with."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Array:
        """Return one array, which may be a view of the file: it is not to be written to."""
        ...

    def each(self, indices: Numbers) -> Iterable[Array]:
        """Return several arrays one after the other, in less time than one by one; as `Mapped` where they are uncompressed."""
        ...

    def batch(self, indices: Numbers) -> Array:
        """Copy several arrays into one, [B, ...]."""
        ...

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one array. There must be one."""
        ...


class ArrayWriter:
    """Append arrays to `pixels-<first_shard>.npy` and the files after it; the count in each header is set at the end.

    They are all of the shape and the type of the first.
    """

    def __init__(self, folder: Path, first_shard: int = 0, max_shard_bytes: int = MAX_SHARD_BYTES) -> None:
        self._folder, self._max_shard_bytes = folder, max_shard_bytes
        self._kind: tuple[np.dtype[Any], tuple[int, ...]] | None = None
        self._shard, self._row = first_shard - 1, 0
        self._file: BinaryIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._finish_shard()

    def write(self, array: Array) -> tuple[int, int]:
        """Append one array; return (shard, row in that shard)."""
        self._require_kind(array.dtype, array.shape)
        if self._file is None or (self._row + 1) * array.nbytes > self._max_shard_bytes:
            self._begin_shard()
        self._append(array, 1)
        return self._shard, self._row - 1

    def write_all(self, arrays: Array) -> tuple[Numbers, Numbers]:
        """Append arrays [N, ...] in blocks; return the shard of each and its row there, both [N]."""
        self._require_kind(arrays.dtype, arrays.shape[1:])
        shards, rows = np.empty(len(arrays), np.int64), np.empty(len(arrays), np.int64)
        most = max(1, self._max_shard_bytes // max(1, arrays[:1].nbytes))
        start = 0
        while start < len(arrays):
            if self._file is None or self._row >= most:
                self._begin_shard()
            block = slice(start, min(len(arrays), start + most - self._row))
            shards[block], rows[block] = self._shard, self._row + np.arange(block.stop - start)
            self._append(arrays[block], block.stop - start)
            start = block.stop
        return shards, rows

    def _require_kind(self, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
        self._kind = self._kind or (dtype, shape)
        assert self._kind == (dtype, shape) and dtype in _TYPES, "all arrays of an artifact have one shape and one type"

    def _append(self, arrays: Array, count: int) -> None:
        assert self._file is not None
        self._file.write(np.ascontiguousarray(arrays).data)
        self._row += count

    def _begin_shard(self) -> None:
        self._finish_shard()
        self._shard, self._row = self._shard + 1, 0
        self._file = (self._folder / _pixels_name(self._shard)).open("wb")
        self._write_header(self._file)

    def _finish_shard(self) -> None:
        if self._file:
            self._file.seek(0)
            self._write_header(self._file)
            self._file.close()
            self._file = None

    def _write_header(self, file: BinaryIO) -> None:
        # numpy reserves room for the growth of the first axis, so the header keeps its length.
        assert self._kind is not None
        dtype, shape = self._kind
        described = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": (self._row, *shape)}
        np.lib.format.write_array_header_1_0(file, described)


class Mapped:
    """Some arrays of memory-mapped shards, one after the other; from each of the `addresses` [N] on lies one without a gap.

    numpy takes them as one array [N, ...], into which they are copied at once.
    """

    def __init__(self, maps: dict[int, Array], places: Numbers, addresses: Numbers) -> None:
        self._maps, self._places, self.addresses = maps, places, addresses

    def __iter__(self) -> Iterator[Array]:
        shards, rows = self._places.T.tolist()
        return map(getitem, map(self._maps.__getitem__, shards), rows)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return _gather(self._maps, self._places).astype(dtype or self._dtype, copy=False)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of each of them."""
        return next(iter(self._maps.values())).shape[1:]

    @property
    def _dtype(self) -> np.dtype[Any]:
        return next(iter(self._maps.values())).dtype


class ArrayReader:
    """`Arrays` that are memory-mapped. In another process, where they may be sent, they are opened anew."""

    def __init__(self, folder: Path, samples: pl.DataFrame) -> None:
        self._folder, self._samples = folder, samples.select("shard", "row")
        self._places = self._samples.to_numpy()
        shards: list[int] = samples["shard"].unique().sort().to_list()
        self._maps = {shard: _load(folder / _pixels_name(shard)) for shard in shards}
        self._addresses = self._find()

    def __reduce__(self) -> tuple[Any, ...]:
        return ArrayReader, (self._folder, self._samples)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Array:
        shard, row = self._places[index].tolist()
        array: Array = self._maps[shard][row]
        return array

    def each(self, indices: Numbers) -> Mapped:
        return Mapped(self._maps, self._places[indices], self._addresses[indices])

    def batch(self, indices: Numbers) -> Array:
        return _gather(self._maps, self._places[indices])

    @property
    def shape(self) -> tuple[int, ...]:
        return next(iter(self._maps.values())).shape[1:]

    def _find(self) -> Numbers:
        """Return where in memory each array begins, [N]. Whoever reads there relies on it that all is as it should be."""
        addresses = np.empty(len(self), np.int64)
        first = next(iter(self._maps.values()), np.empty(0)).dtype
        dtype = first if first in _TYPES else _TYPES[0]
        for shard, arrays in self._maps.items():
            is_here = self._places[:, 0] == shard
            rows = self._places[is_here, 1]
            missing = rows[(rows < 0) | (rows >= len(arrays))]
            if len(missing) or arrays.shape[1:] != self.shape or arrays.dtype != dtype:
                raise ArtifactError(
                    f"{self._folder / _pixels_name(shard)} holds {len(arrays)} arrays of {arrays.shape[1:]}, {arrays.dtype}; "
                    f"expected are those of {self.shape}, {dtype}, up to number {rows.max()}. "
                    "Delete the folder and run clean again."
                )
            addresses[is_here] = arrays.ctypes.data + rows * arrays.strides[0]
        return addresses


def _gather(maps: dict[int, Array], places: Numbers) -> Array:
    """Copy the arrays at these places [N, 2] (shard, row), which are known to be there, into one, [N, ...]."""
    first = next(iter(maps.values()))
    if len(maps) == 1:
        return first.take(places[:, 1], axis=0, mode="clip")
    out = np.empty((len(places), *first.shape[1:]), first.dtype)
    if out[:1].nbytes > LARGE_BYTES:
        for place, (shard, row) in zip(out, places.tolist(), strict=True):
            place[...] = maps[shard][row]
        return out
    for shard in np.unique(places[:, 0]).tolist():
        is_here = np.flatnonzero(places[:, 0] == shard)
        out[is_here] = maps[shard].take(places[is_here, 1], axis=0, mode="clip")
    return out


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

    def each(self, indices: Numbers) -> Iterator[NDArray[np.uint8]]:
        return map(self.__getitem__, indices.tolist())

    def batch(self, indices: Numbers) -> NDArray[np.uint8]:
        out = np.empty((len(indices), *self.shape), np.uint8)
        for place, array in zip(out, self.each(indices), strict=True):
            place[...] = array
        return out

    @property
    def shape(self) -> tuple[int, ...]:
        import simplejpeg

        height, width, *_ = simplejpeg.decode_jpeg_header(self._encoded(0))
        return (height, width, 1 if self._space == "GRAY" else 3)

    def _encoded(self, index: int) -> NDArray[np.uint8]:
        shard, row = (int(value) for value in self._places[index])
        start, end = self._starts[shard][row : row + 2]
        return self._bytes[shard][start:end]


def _num_channels(encoded: NDArray[np.uint8]) -> int:
    import simplejpeg

    return 1 if simplejpeg.decode_jpeg_header(encoded)[2].upper() == "GRAY" else 3


WRITERS: dict[str, Callable[..., ArrayWriter | JpegWriter]] = {"pixels": ArrayWriter, "jpeg": JpegWriter}


def open_arrays(folder: Path, samples: pl.DataFrame) -> Arrays:
    """Open the arrays of the given samples (columns shard, row), whichever way they are stored."""
    if len(samples) and (folder / _jpegs_name(int(samples["shard"][0]))).exists():
        return JpegReader(folder, samples)
    return ArrayReader(folder, samples)


def _load(path: Path) -> Array:
    try:
        # As an ordinary array: a view of a memmap takes a microsecond longer to make, for each picture of each epoch.
        mapped: Array = np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path} cannot be read ({error}). Delete the folder and run clean again.") from error
    return mapped


def _pixels_name(shard: int) -> str:
    return f"pixels-{shard:05d}.npy"


def _jpegs_name(shard: int) -> str:
    return f"jpegs-{shard:05d}.bin"
