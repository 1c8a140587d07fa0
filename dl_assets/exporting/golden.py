"""A few samples with their answers, for checking a copy of the model wherever it goes, with NumPy and ONNX Runtime alone."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dl_assets.exporting.parity import Answers, Feed

GOLDEN = "golden.npz"
INPUT, OUTPUT = "input/", "output/"  # before the names of the model's inputs and of its answer
NUM_GOLDEN = 5
_MOST_BYTES = 8 * 1024**2


def write_golden(path: Path, ids: Sequence[str], feed: Feed, name: str, expected: Answers) -> int:
    """Write `id`, `input/<name>` and `output/<name>` of the first samples; return of how many. Large ones are fewer."""
    size = sum(array.nbytes for array in _inputs(feed, 1).values())
    number = max(1, min(NUM_GOLDEN, len(ids), _MOST_BYTES // size))
    inputs = {f"{INPUT}{asked}": array for asked, array in _inputs(feed, number).items()}
    _save(path, {"id": np.array(ids[:number], dtype=str), **inputs, f"{OUTPUT}{name}": expected[:number]})
    return number


def _inputs(feed: Feed, number: int) -> dict[str, NDArray[Any]]:
    """Return the inputs; words as text of a fixed width, which NumPy reads without pickle."""
    found = feed(np.arange(number))
    return {name: array.astype(str) if array.dtype == object else array for name, array in found.items()}


def _save(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """Write what numpy.load reads. Not by numpy.savez, which notes the time and takes a name such as `file` for its own."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy")
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w", force_zip64=True) as file:
                np.lib.format.write_array(file, array, allow_pickle=False)
