"""The `Judge` of classes: truth is the index of a class, an answer one probability a class."""

from typing import Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.evaluation.classes_scores import Answers, log_loss, mean, ratio, roc_auc_per_class
from dl_assets.explanations._table.judge import Metric, in_percent, rounds
from dl_assets.targets import classes

_NORMAL_QUANTILE = 1.959964  # of 97.5 %
_MAX_ITERATIONS = 500


class Classes:
    """How good a classifier is, of how many of its answers are right."""

    metrics: ClassVar = {
        "accuracy": Metric("accuracy", in_percent, "%"),
        "roc_auc": Metric("ROC AUC"),
        "log_loss": Metric("log loss", is_higher_better=False),
    }
    harms: ClassVar = [Metric("rise of log loss"), Metric("drop of accuracy", in_percent, "%")]
    slice_metric: ClassVar = metrics["accuracy"]

    def __init__(self, fitted: dict[str, Any]) -> None:
        self._fitted = fitted
        self._classes: list[str] = fitted["classes"]

    @property
    def num_outputs(self) -> int:
        return len(self._classes)

    def truth(self, targets: pl.Series) -> NDArray[Any]:
        return classes.encode(targets, self._fitted)

    def answers(self, predictions: pl.DataFrame) -> Floats:
        columns = [pl.col(f"probability_{name}").cast(pl.Float64) for name in self._classes]
        answers: Floats = predictions.select(columns).to_numpy()
        return answers

    def measure(self, truth: NDArray[Any], answers: Floats, weights: Floats) -> dict[str, Floats]:
        read = Answers(self._classes, truth, answers.argmax(axis=1), answers)
        areas = roc_auc_per_class(read, weights)
        return {
            "accuracy": ratio(weights @ read.correct.astype(np.float64), weights.sum(axis=1)),
            "roc_auc": mean(areas, ~np.isnan(areas)),
            "log_loss": log_loss(read, weights),
        }

    def penalties(self, truth: NDArray[Any], answers: Floats) -> Floats:
        return np.stack([surprise(truth, answers), self.errors(truth, answers)], axis=1)

    def spread(self, truth: NDArray[Any], weights: Floats) -> Floats:
        total: Floats = weights.sum(axis=1)
        return total

    def errors(self, truth: NDArray[Any], answers: Floats) -> Floats:
        wrong: Floats = (answers.argmax(axis=1) != truth).astype(np.float64)
        return wrong

    def least_error(self, counts: Floats, sums: Floats, squares: Floats) -> Floats:
        return wilson(sums, counts)[0]

    def slice_values(self, errors: Floats, inside: NDArray[np.bool_], *, resamples: int, seed: int) -> Floats:
        counts = inside.sum(axis=0).astype(np.float64)
        right = (1 - errors) @ inside
        return np.stack([ratio(right, counts), *wilson(right, counts)])

    def trees(self, is_category: list[bool], seed: int) -> Any:
        # Without early stopping, for which every class would need two samples.
        return HistGradientBoostingClassifier(
            max_iter=rounds(self.num_outputs), categorical_features=is_category, early_stopping=False, random_state=seed
        )

    def linear(self) -> Any:
        return LogisticRegression(max_iter=_MAX_ITERATIONS)

    def ask(self, model: Any, table: Floats) -> Floats:
        answers = np.zeros((len(table), self.num_outputs))  # of a class that the model was not shown 0
        answers[:, model.classes_] = model.predict_proba(table)
        return answers


def surprise(truth: NDArray[Any], answers: Floats) -> Floats:
    """Return -ln(probability of the target) of each sample, [N], kept finite as in `log_loss`."""
    epsilon = np.finfo(np.float64).eps
    nats: Floats = -np.log(answers[np.arange(len(truth)), truth].clip(epsilon, 1 - epsilon))
    return nats


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
