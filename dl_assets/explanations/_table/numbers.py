"""The `Judge` of numbers: truth and answers are in the unit of the target."""

import math
from typing import Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge

from dl_assets.evaluation.bootstrap import Floats, intervals
from dl_assets.evaluation.classes_scores import ratio
from dl_assets.explanations._slices.metric import Metric

_NORMAL_QUANTILE = 1.959964  # of 97.5 %
_BEYOND = 10  # times the largest number of the train part: more is not answered, by the network neither


def in_units(value: float) -> str:
    """
    >>> in_units(123456.7), in_units(0.0125)
    ('123,457', '0.0125')
    """
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


class Numbers:
    """How good a regression is, of how far off its answers are."""

    metrics: ClassVar = {
        "r2": Metric("R2"),
        "rmse": Metric("RMSE", in_units, is_higher_better=False),
        "mae": Metric("MAE", in_units, is_higher_better=False),
    }
    harms: ClassVar = [Metric("drop of R2")]
    slice_metric: ClassVar[Metric] = metrics["mae"]
    num_outputs = 1

    def __init__(self, fitted: dict[str, Any]) -> None:
        self._fitted = fitted

    def truth(self, targets: pl.Series) -> NDArray[Any]:
        return targets.str.strip_chars().cast(pl.Float64).to_numpy()

    def answers(self, predictions: pl.DataFrame) -> Floats:
        answers: Floats = predictions["prediction"].cast(pl.Float64).to_numpy()[:, None]
        return answers

    def measure(self, truth: NDArray[Any], answers: Floats, weights: Floats) -> dict[str, Floats]:
        total = weights.sum(axis=1)
        squares = weights @ self.errors(truth, answers) ** 2
        return {
            "r2": 1 - ratio(squares, self.spread(truth, weights)),
            "rmse": np.sqrt(ratio(squares, total)),
            "mae": ratio(weights @ self.errors(truth, answers), total),
        }

    def penalties(self, truth: NDArray[Any], answers: Floats) -> Floats:
        return self.errors(truth, answers)[:, None] ** 2

    def spread(self, truth: NDArray[Any], weights: Floats) -> Floats:
        centred = truth - truth.mean()  # or the difference below would lose digits of a large mean
        of_sum = ratio((weights @ centred) ** 2, weights.sum(axis=1))
        spread: Floats = weights @ centred**2 - of_sum
        return spread

    def errors(self, truth: NDArray[Any], answers: Floats) -> Floats:
        distances: Floats = np.abs(answers[:, 0] - truth)
        return distances

    def least_error(self, counts: Floats, sums: Floats, squares: Floats) -> Floats:
        means = sums / counts
        variances = np.maximum(squares / counts - means**2, 0)
        return means - _NORMAL_QUANTILE * np.sqrt(variances / counts)

    def slice_values(self, errors: Floats, inside: NDArray[np.bool_], *, resamples: int, seed: int) -> Floats:
        members = inside.astype(np.float64)

        def measure(weights: Floats) -> dict[str, Floats]:
            return {"mae": ratio((weights * errors) @ members, weights @ members)}

        return intervals(measure, len(errors), bootstrap_samples=resamples, seed=seed)["mae"]

    def trees(self, is_category: list[bool], seed: int) -> Any:
        trees = HistGradientBoostingRegressor(categorical_features=is_category, early_stopping=False, random_state=seed)
        return self._scaled(trees)

    def linear(self) -> Any:
        return self._scaled(Ridge())

    def ask(self, model: Any, table: Floats) -> Floats:
        answers: Floats = model.predict(table)[:, None]
        return answers

    def _scaled(self, model: Any) -> Any:
        """Let a model learn the target on the scale on which the network learns it."""
        if self._fitted["scale"] == "linear":
            return model
        most = math.log(_BEYOND * self._fitted["high"])
        return TransformedTargetRegressor(
            model, func=np.log, inverse_func=lambda learnt: np.exp(np.minimum(learnt, most)), check_inverse=False
        )
