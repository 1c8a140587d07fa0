"""How well scores rank the samples of a class above the rest, for many weightings of the same samples at once."""

import numpy as np
from numpy.typing import NDArray

from dl_assets.evaluation.bootstrap import Floats


def areas(scores: Floats, inside: NDArray[np.bool_], weights: Floats) -> tuple[Floats, Floats]:
    """Return ROC AUC [B] and average precision [B] of scores [N] and weights [B, N], as scikit-learn defines them.

    ROC AUC is the chance that a sample of the class scores above one of the rest, a tie counting half: Mann-Whitney's U over
    the number of pairs (Hanley and McNeil 1982). It is NaN where the class or the rest is empty. Average precision is the sum
    over thresholds of precision times the gain of recall; samples that score alike are taken together, nothing is
    interpolated. It is NaN where the class is empty.
    """
    own, rest = _lowest_first(scores, inside), _lowest_first(scores, ~inside)
    below, rest_below = _summed(weights[:, own]), _summed(weights[:, rest])  # [B, P + 1], [B, R + 1]
    lower, upper = (np.searchsorted(scores[rest], scores[own], side=side) for side in ("left", "right"))
    counted = weights[:, own]
    won = (counted * (rest_below[:, lower] + rest_below[:, upper]) / 2).sum(axis=1)
    hits = below[:, -1:] - below[:, np.searchsorted(scores[own], scores[own], side="left")]  # [B, P], at or above each
    taken = hits + rest_below[:, -1:] - rest_below[:, lower]
    precise = (counted * np.nan_to_num(ratio(hits, taken))).sum(axis=1)
    return ratio(won, below[:, -1] * rest_below[:, -1]), ratio(precise, below[:, -1])


def ratio(part: Floats, whole: Floats) -> Floats:
    """Divide; NaN where the whole is nothing."""
    result: Floats = np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0)
    return result


def _lowest_first(scores: Floats, inside: NDArray[np.bool_]) -> NDArray[np.int64]:
    chosen = np.flatnonzero(inside)
    return chosen[np.argsort(scores[chosen], kind="stable")]


def _summed(weights: Floats) -> Floats:
    """Return [B, K + 1]: the weight of the k first."""
    sums = np.zeros((weights.shape[0], weights.shape[1] + 1))
    np.cumsum(weights, axis=1, out=sums[:, 1:])
    return sums
