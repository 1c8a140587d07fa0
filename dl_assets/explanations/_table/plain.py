"""Rows as models of scikit-learn take them: numbers and dates with their parts as they are, words as small whole numbers."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.explanations._table.part import Columns
from dl_assets.inputs._table.dates import PARTS, parts_of

MAX_WORDS = 255  # of a column: what scikit-learn's trees take
_FAR = 1e100  # what lies further away would overflow where it is squared


class Plain:
    """The commonest words of each column of the train part [N, n]; all others are one."""

    def __init__(self, columns: Columns, train: Floats) -> None:
        self._columns = columns
        self._is_empty = np.isnan(train).all(axis=0)  # the trees cannot take a column of which nothing is known
        self._known = {place: _commonest(train[:, place]) for place, kind in enumerate(columns.kinds) if kind == "category"}

    @property
    def is_category(self) -> list[bool]:
        """Tell of each column of the table which `__call__` makes whether it holds words."""
        widths = ((kind == "category", len(PARTS) if kind == "date" else 1) for kind in self._columns.kinds)
        return [is_category for is_category, width in widths for _ in range(width)]

    def __call__(self, raw: Floats) -> Floats:
        """Return the table [N, n'] of raw values [N, n]; NaN stays what is missing."""
        table: Floats = np.concatenate(list(self._parts(np.where(self._is_empty, 0.0, raw))), axis=1)
        return table.clip(-_FAR, _FAR)

    def _parts(self, raw: Floats) -> Iterator[Floats]:
        for place, kind in enumerate(self._columns.kinds):
            values = raw[:, place]
            if kind == "date":
                yield parts_of(torch.from_numpy(values.copy())).numpy()
            else:
                yield (_ranks(values, self._known[place]) if kind == "category" else values)[:, None]


def _commonest(codes: Floats) -> Floats:
    """Return the codes of the commonest words, in the order of the codes."""
    different, counts = np.unique(codes[~np.isnan(codes)], return_counts=True)
    return np.sort(different[np.argsort(-counts, kind="stable")[: MAX_WORDS - 1]])


def _ranks(codes: Floats, known: Floats) -> Floats:
    """Return for each code its place among the known ones, for any other the last place, for a missing one NaN."""
    places: NDArray[np.int64] = np.searchsorted(known, codes)
    is_known = np.append(known, np.nan)[places] == codes
    return np.where(np.isnan(codes), np.nan, np.where(is_known, places, len(known)))
