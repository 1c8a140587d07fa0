"""Raw values of some samples of a part, and what their columns are called and mean."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from dl_assets.artifacts.report import read_json
from dl_assets.artifacts.rows import COLUMNS
from dl_assets.artifacts.shards import open_arrays
from dl_assets.evaluation.bootstrap import Floats
from dl_assets.explanations._drawn import of_total, some
from dl_assets.inputs._table.codes import code_of

_MAX_CELLS = 2_000_000  # raw values of a part, which trees of all classes go through
_LEAST_SAMPLES = 1_000  # however wide the table is


@dataclass(frozen=True)
class Columns:
    """The n columns of the raw values: their names, their kinds (number, date or category), and what a category's codes say."""

    names: list[str]
    kinds: list[str]
    words: dict[str, dict[float, str]]  # column -> code -> word

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class Part:
    """N samples of the `total` in a part: their ids in one column `id`, targets [N], raw values [N, n] (NaN: missing)."""

    ids: pl.DataFrame
    targets: pl.Series
    raw: Floats
    total: int

    def __len__(self) -> int:
        return len(self.raw)

    def told(self, num_samples: int | None = None) -> str:
        """Say how many samples are looked at."""
        return of_total(len(self) if num_samples is None else num_samples, self.total)


def read_columns(clean: Path, inputs: dict[str, Any]) -> Columns:
    """Return the columns as they were when the inputs were fitted."""
    words = read_json(clean / COLUMNS)["words"]
    return Columns(inputs["names"], inputs["kinds"], {name: {code_of(word): word for word in words[name]} for name in words})


def most_samples(wanted: int, width: int) -> int:
    """Return how many samples of so many numbers each may be looked at.

    >>> most_samples(100_000, 20), most_samples(100_000, 10_000)
    (100000, 1000)
    """
    return min(wanted, max(_LEAST_SAMPLES, _MAX_CELLS // width))


def read_part(clean: Path, samples: pl.DataFrame, most: int, seed: int) -> Part:
    """Read a part; of more than `most` samples as many, drawn at random, in their order."""
    drawn = samples[some(len(samples), most, seed)]
    raw: Floats = np.asarray(open_arrays(clean, drawn).batch(np.arange(len(drawn))), dtype=np.float64)
    return Part(drawn.select("id"), drawn["target"], raw, len(samples))
