"""The numbers behind the figures of a classifier, as tables for `dvc plots` and for people."""

from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.evaluation.classes_scores import Answers

MAX_POINTS = 200


class Ranking(Protocol):
    """What a curve is drawn of: the scores of N samples for each of C classes, and which samples are of the class."""

    @property
    def classes(self) -> list[str]: ...

    @property
    def probabilities(self) -> Floats: ...  # [N, C]

    def inside(self, index: int) -> NDArray[np.bool_]: ...  # [N]


def roc_curve(answers: Ranking) -> pl.DataFrame:
    """Return the ROC curve of each class against the rest, at most 200 points each, evenly along the curve.

    The first point, where nothing is taken for the class, has no threshold. A class without samples has no curve.
    """
    frames = [
        _one_roc_curve(name, answers.inside(index), answers.probabilities[:, index])
        for index, name in enumerate(answers.classes)
        if 0 < answers.inside(index).sum() < len(answers.probabilities)
    ]
    schema = {"class": pl.String, "false_positive_rate": pl.Float64, "true_positive_rate": pl.Float64, "threshold": pl.Float64}
    return pl.concat([pl.DataFrame(schema=schema), *frames])


def confusion_matrix(answers: Answers) -> pl.DataFrame:
    """Return how many samples of each target got each prediction, zeros included."""
    counts = confusion_counts(answers)
    size = len(answers.classes)
    return pl.DataFrame(
        {"target": np.repeat(answers.classes, size).tolist(), "prediction": answers.classes * size, "count": counts.ravel()}
    )


def confusion_counts(answers: Answers) -> NDArray[np.int64]:
    """Return [C, C] counts: row is the target, column the prediction."""
    size = len(answers.classes)
    return np.bincount(answers.target * size + answers.prediction, minlength=size * size).reshape(size, size)


def roc_points(inside: NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats, Floats]:
    """Return false positive rate, true positive rate and threshold of every point, from (0, 0) to (1, 1).

    One point per different score: samples that score alike are taken for the class together. The first threshold is NaN.
    """
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(inside[order])
    last_of_ties = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    true_positive = np.append(0, hits[last_of_ties]) / hits[-1]
    false_positive = np.append(0, last_of_ties + 1 - hits[last_of_ties]) / (len(scores) - hits[-1])
    return false_positive, true_positive, np.append(np.nan, scores[order][last_of_ties])


def _one_roc_curve(name: str, inside: NDArray[np.bool_], scores: Floats) -> pl.DataFrame:
    false_positive, true_positive, threshold = roc_points(inside, scores)
    kept = evenly(false_positive + true_positive)
    return pl.DataFrame(
        {
            "class": [name] * len(kept),
            "false_positive_rate": false_positive[kept],
            "true_positive_rate": true_positive[kept],
            "threshold": threshold[kept],
        }
    ).fill_nan(None)


def evenly(distance: Floats) -> NDArray[np.int64]:
    """Return indices of at most MAX_POINTS points, evenly in `distance` along the curve, its two ends among them."""
    wanted = np.searchsorted(distance, np.linspace(distance[0], distance[-1], MAX_POINTS))
    return np.unique(np.clip(wanted, 0, len(distance) - 1))
