"""Mean, spread and interval of every metric over the folds."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import stdtrit

CONFIDENCE = 0.95
METHOD = (
    "mean of the folds plus and minus Student's t of k - 1 degrees of freedom times the square root of "
    "(1 / k + samples measured / samples trained on) times the variance of the folds"
)
SOURCE = "Nadeau and Bengio 2003, Inference for the Generalization Error, Machine Learning 52, 239-281"
_COUNTS = ("support",)  # how many samples a fold measured: no quality of the model


def estimate(values: Sequence[float], *, ratio: float) -> dict[str, float | int]:
    """Return mean, spread (standard deviation), the interval of the mean, and the lowest and highest of the folds.

    Folds are not independent: each two of them learn from mostly the same samples, so the usual variance of a mean,
    spread ** 2 / k, is too small. Nadeau and Bengio add `ratio`, the samples that a fold measures over those that it
    learns from. No estimate of this variance is free of bias (Bengio and Grandvalet 2004); this one errs on the safe side.

    A metric that is defined in one fold only has neither spread nor interval.

    >>> round(estimate([0.9, 0.94, 0.92], ratio=0.5)["mean"], 4)
    0.92
    """
    array = np.array(values, dtype=np.float64)
    found: dict[str, float | int] = {"mean": float(array.mean())}
    if len(array) > 1:
        spread = float(array.std(ddof=1))
        reach = float(stdtrit(len(array) - 1, (1 + CONFIDENCE) / 2)) * spread * (1 / len(array) + ratio) ** 0.5
        found |= {"spread": spread, "low": found["mean"] - reach, "high": found["mean"] + reach}
    return {**found, "lowest": float(array.min()), "highest": float(array.max()), "folds": len(array)}


def summarise(folds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the estimate of each metric of these folds, and the same per class under `classes`.

    A metric that is undefined in a fold, such as the recall of a class that it has no sample of, is estimated from the others.
    """
    counts = [fold["counts"] for fold in folds]
    ratio = sum(count["measured"] for count in counts) / sum(count["train"] for count in counts)
    metrics = [fold["metrics"] for fold in folds]
    classes = sorted({name for found in metrics for name in found["classes"]})
    overall = [{name: value for name, value in found.items() if name != "classes"} for found in metrics]
    per_class = {name: _estimates([found["classes"].get(name, {}) for found in metrics], ratio) for name in classes}
    return {**_estimates(overall, ratio), "classes": per_class}


def _estimates(folds: Sequence[dict[str, float]], ratio: float) -> dict[str, Any]:
    names = dict.fromkeys(name for fold in folds for name in fold if name not in _COUNTS)
    return {name: estimate([fold[name] for fold in folds if name in fold], ratio=ratio) for name in names}
