"""Slices of a table, by one column each."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from dl_assets.artifacts.report import read_json
from dl_assets.artifacts.rows import COLUMNS
from dl_assets.artifacts.shards import open_arrays
from dl_assets.evaluation.bootstrap import Floats
from dl_assets.explanations._slices.slice import Slice, slices_of
from dl_assets.explanations._table.part import Columns, read_columns
from dl_assets.explanations._table.values import grouped

CUT = "the commonest words, quarters of the numbers, and where a value is missing"


def by_columns(columns: Columns, raw: Floats) -> Iterator[Slice]:
    """Yield the slices of every column of raw values [N, n] that has more than one."""
    for place, name in enumerate(columns.names):
        yield from slices_of(name, grouped(raw[:, place], columns.kinds[place], columns.words.get(name, {})))


def slices(samples: pl.DataFrame, clean: Path) -> Iterator[Slice]:
    """Yield the slices of these samples of clean, of which there is at least one."""
    stored = read_json(clean / COLUMNS)["columns"]
    columns = read_columns(clean, {key + "s": [column[key] for column in stored] for key in ("name", "kind")})
    yield from by_columns(columns, open_arrays(clean, samples).batch(np.arange(len(samples))))
