"""One number that makes confident answers as often right as they say: the temperature (Guo et al. 2017)."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.targets.classes import LEAST_PROBABILITY

MIN_MISTAKES = 10  # fewer say next to nothing of how sure a model may be: the fit would make it surer than it can know
_COLDEST, _HOTTEST = 0.05, 20.0
_DIGITS = 4


def fit_temperature(probabilities: Floats, target: NDArray[np.int64]) -> float | str:
    """Return the temperature that lowers the log loss of answers [N, C] most, or why there is none."""
    wrong = int((probabilities.argmax(axis=1) != target).sum())
    if wrong < MIN_MISTAKES:
        return (
            f"No temperature is fitted: there are {wrong} mistakes on val, and of fewer than {MIN_MISTAKES} nobody can tell "
            "how sure the model may be."
        )

    def loss(logarithm: float) -> float:
        return _log_loss(tempered(probabilities, float(np.exp(logarithm))), target)

    ends = (np.log(_COLDEST), np.log(_HOTTEST))
    temperature = round(float(np.exp(minimize_scalar(loss, bounds=ends, method="bounded").x)), _DIGITS)
    if loss(np.log(temperature)) >= loss(0.0):
        return "No temperature is fitted: none lowers the log loss on val."
    return temperature


def tempered(probabilities: Floats, temperature: float) -> Floats:
    """Return softmax(log(probabilities) / temperature) of [N, C], as `targets.classes.calibration` computes it.

    >>> tempered(np.array([[0.8, 0.2]]), 0.5).round(3)
    array([[0.941, 0.059]])
    """
    scaled = np.log(np.maximum(probabilities, LEAST_PROBABILITY)) / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    found: Floats = powers / powers.sum(axis=1, keepdims=True)
    return found


def _log_loss(probabilities: Floats, target: NDArray[np.int64]) -> float:
    right = probabilities[np.arange(len(target)), target]
    return float(-np.log(np.maximum(right, LEAST_PROBABILITY)).mean())
