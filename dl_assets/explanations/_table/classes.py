"""The `Judge` of classes: truth is the index of a class, an answer one probability a class."""

from typing import Any, ClassVar

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.evaluation.classes_scores import Answers, log_loss, mean, ratio, roc_auc_per_class
from dl_assets.explanations._slices.metric import Metric, in_percent
from dl_assets.explanations._slices.shares import Shares
from dl_assets.explanations._table.judge import rounds
from dl_assets.targets import classes

_MAX_ITERATIONS = 500


class Classes(Shares):
    """How good a classifier is, of how many of its answers are right."""

    metrics: ClassVar = {
        "accuracy": Shares.slice_metric,
        "roc_auc": Metric("ROC AUC"),
        "log_loss": Metric("log loss", is_higher_better=False),
    }
    harms: ClassVar = [Metric("rise of log loss"), Metric("drop of accuracy", in_percent, "%")]

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
