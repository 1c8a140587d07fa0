"""What a policy must know of the train part: how far each column spreads, and which values it has how often."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dl_assets.artifacts.report import read_json
from dl_assets.artifacts.shards import Arrays
from dl_assets.errors import ArtifactError

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Column = dict[str, Any]

COLUMNS = "columns.json"  # in clean/: which columns the arrays have

_MEASURED_ROWS, _MEASURED_CELLS = 100_000, 20_000_000  # whichever is less: of more rows, every n-th
_WORDS = 256  # of a category, the commonest
_QUANTILES = 128  # of a number or date that has more values than that


def measure(arrays: Arrays, folder: Path) -> list[Column]:
    """Describe every column of the train part's arrays [n] for `Facts`; `folder` is that of clean."""
    stored = read_json(folder / COLUMNS)["columns"]
    if arrays.shape != (len(stored),):
        raise ArtifactError(
            f"{folder / COLUMNS} describes {len(stored)} columns, but the arrays beside it are of the shape {arrays.shape}. "
            "Delete the folder and run clean again."
        )
    most = max(1, min(_MEASURED_ROWS, _MEASURED_CELLS // max(1, len(stored))))
    matrix = arrays.batch(np.arange(0, len(arrays), -(-len(arrays) // most)))  # [N, n]
    return [_measured(column["name"], column["kind"], matrix[:, place]) for place, column in enumerate(stored)]


def _measured(name: str, kind: str, values: Floats) -> Column:
    """Return {"name", "kind", "missing", "values", "counts"}, and of a number or date its deviation; values ascend."""
    known = np.sort(values[~np.isnan(values)])
    different, counts = np.unique(known, return_counts=True)
    found: Column = {"name": name, "kind": kind, "missing": len(values) - len(known)}
    if kind == "category":
        kept = np.sort(np.argsort(-counts, kind="stable")[:_WORDS])
        return {**found, "values": different[kept].tolist(), "counts": counts[kept].tolist()}
    found["deviation"] = _deviation(known)
    if len(different) <= _QUANTILES:
        return {**found, "values": different.tolist(), "counts": counts.tolist()}
    middles = (np.arange(_QUANTILES) + 0.5) / _QUANTILES  # values that there are: no mean of two, and no outlier too often
    share = len(known) / _QUANTILES
    quantiles = known[(middles * len(known)).astype(np.int64)]
    return {**found, "values": quantiles.tolist(), "counts": [share] * _QUANTILES}


def _deviation(known: Floats) -> float:
    with np.errstate(over="ignore", invalid="ignore"):
        deviation = float(known.std()) if len(known) else 0.0
    return deviation if np.isfinite(deviation) else 0.0


class Facts:
    """What `measure` found, for many cells at once."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = list(columns)
        is_category = np.array([column["kind"] == "category" for column in columns], bool)
        self.numbers, self.categories = np.flatnonzero(~is_category), np.flatnonzero(is_category)
        self.deviations = np.array([column.get("deviation", 0.0) for column in columns])
        self._words = {place: _Words(columns[place]) for place in self.categories.tolist()}
        # The values of all columns behind each other, and behind those of each NaN. That of number k is drawn in column c for
        # a draw u where c + u is below its end, but not below the end before it: one search finds the values of all cells.
        ends = [place + _shares([*column["counts"], column["missing"]]) for place, column in enumerate(columns)]
        self._ends = np.concatenate([np.empty(0), *ends])
        self._values = np.concatenate([np.empty(0), *([*column["values"], np.nan] for column in columns)])
        self._lasts = np.cumsum([len(column["values"]) + 1 for column in columns]) - 1

    def any_of(self, columns: Indices, draws: Floats) -> Floats:
        """Return for draws [M] in [0, 1) a value of the column [M], as often as the train part has it, which may be NaN."""
        found = np.searchsorted(self._ends, columns + draws, side="right")
        return self._values[np.minimum(found, self._lasts[columns])]  # type: ignore[no-any-return]

    def other_words(self, columns: Indices, codes: Floats, draws: Floats) -> Floats:
        """Return for draws [M] in [0, 1) another word of the column [M] than `codes` [M], where it has several."""
        found = np.empty(len(codes))
        for column, words in self._words.items():
            is_here = np.flatnonzero(columns == column)
            found[is_here] = words.others(codes[is_here], draws[is_here])
        return found


class _Words:
    def __init__(self, column: Column) -> None:
        self._codes = np.array(column["values"], np.float64)
        self._counts = np.array(column["counts"], np.float64)
        self._ends = np.cumsum(self._counts)

    def others(self, codes: Floats, draws: Floats) -> Floats:
        if len(self._codes) < 2:
            return codes
        own = np.minimum(np.searchsorted(self._codes, codes), len(self._codes) - 1)
        count = np.where(self._codes[own] == codes, self._counts[own], 0.0)  # 0 of a word too rare to be listed
        place = draws * (self._ends[-1] - count)  # as if the own word were not there
        place += np.where(place >= self._ends[own] - self._counts[own], count, 0.0)
        found = np.searchsorted(self._ends, place, side="right")
        return self._codes[np.minimum(found, len(self._codes) - 1)]  # type: ignore[no-any-return]


def _shares(counts: Sequence[float]) -> Floats:
    """Return the sums of the shares up to each of the counts; the last is 1."""
    sums = np.cumsum(np.array(counts, np.float64))
    return sums / sums[-1] if sums[-1] else np.ones(len(counts))
