"""Metrics of slices that are shares: of how many samples the answer is right."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.evaluation.classes_scores import ratio
from dl_assets.explanations._slices.metric import Metric, in_percent

_NORMAL_QUANTILE = 1.959964  # of 97.5 %


class Shares:
    """Judges slices by how many of their answers are right; an error is 0 or 1. Intervals are Wilson's."""

    slice_metric: ClassVar[Metric] = Metric("accuracy", in_percent, "%")

    def least_error(self, counts: Floats, sums: Floats, squares: Floats) -> Floats:
        return wilson(sums, counts)[0]

    def slice_values(self, errors: Floats, inside: NDArray[np.bool_], *, resamples: int, seed: int) -> Floats:
        counts = inside.sum(axis=0).astype(np.float64)
        right = (1 - errors) @ inside
        return np.stack([ratio(right, counts), *wilson(right, counts)])


class LabelShares(Shares):
    """As above, where an answer is right if all of its labels are."""

    slice_metric: ClassVar[Metric] = Metric("all labels right", in_percent, "%")


def wilson(hits: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Return low and high of the 95 % interval of each share (Wilson, JASA 1927).

    >>> [round(float(end[0]), 3) for end in wilson(np.array([9.0]), np.array([10.0]))]
    [0.596, 0.982]
    """
    square = _NORMAL_QUANTILE**2
    share = hits / counts
    middle = (share + square / (2 * counts)) / (1 + square / counts)
    half = _NORMAL_QUANTILE * np.sqrt(share * (1 - share) / counts + square / (4 * counts**2)) / (1 + square / counts)
    return middle - half, middle + half
