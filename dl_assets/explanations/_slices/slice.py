"""Samples of one part that are alike in one property."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dl_assets.explanations._slices.groups import Groups


@dataclass(frozen=True)
class Slice:
    """`members` are indices into the samples of the part, in their order."""

    column: str
    values: str
    members: NDArray[np.int64]


def slices_of(column: str, groups: Groups) -> Iterator[Slice]:
    """Yield a slice for each group, where there is more than one.

    >>> [(one.values, one.members.tolist()) for one in slices_of("camera", (np.array([1, 0, 1]), ["A", "B"]))]
    [('A', [1]), ('B', [0, 2])]
    """
    group_of, labels = groups
    if len(labels) < 2:
        return
    ends = np.cumsum(np.bincount(group_of, minlength=len(labels)))
    members = np.split(np.argsort(group_of, kind="stable"), ends[:-1])
    yield from (Slice(column, label, inside) for label, inside in zip(labels, members, strict=True))
