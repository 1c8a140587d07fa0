"""ROC and precision-recall curves of scores: of each class against the rest, and their micro and macro averages."""

from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dl_assets.evaluation.bootstrap import Floats

MAX_POINTS = 200
MAX_CELLS = 4_000_000  # scores that a micro average takes together; of more, every n-th sample is taken
GRID = np.linspace(0, 1, 501)


class Ranking(Protocol):
    """What a curve is drawn of: the scores of N samples for each of C classes, and which samples are of the class."""

    @property
    def classes(self) -> list[str]: ...

    @property
    def probabilities(self) -> Floats: ...  # [N, C]

    def inside(self, index: int) -> NDArray[np.bool_]: ...  # [N]


def roc_points(inside: NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats, Floats]:
    """Return false positive rate, true positive rate and threshold of every point, from (0, 0) to (1, 1).

    One point per different score: samples that score alike are taken for the class together. The first threshold is NaN.
    """
    taken, hits, threshold = _counted(inside, scores)
    true_positive = np.append(0, hits) / hits[-1]
    false_positive = np.append(0, taken - hits) / (len(scores) - hits[-1])
    return false_positive, true_positive, np.append(np.nan, threshold)


def precision_recall_points(inside: NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats, Floats]:
    """Return recall, precision and threshold of every point, from the highest threshold to the lowest; ties as above."""
    taken, hits, threshold = _counted(inside, scores)
    return hits / hits[-1], hits / taken, threshold


def _counted(inside: NDArray[np.bool_], scores: Floats) -> tuple[Floats, Floats, Floats]:
    """Return how many samples score at or above each different score, how many of them are of the class, and the scores."""
    order = np.argsort(-scores, kind="stable")
    last_of_ties = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    hits = np.cumsum(inside[order])[last_of_ties].astype(np.float64)
    return last_of_ties + 1.0, hits, scores[order][last_of_ties]


def flattened(answers: Ranking) -> tuple[NDArray[np.bool_], Floats]:
    """Return the answers for all classes as if they were for one, which is what a micro average is of."""
    step = -(-answers.probabilities.size // MAX_CELLS)
    inside = np.stack([answers.inside(index)[::step] for index in range(len(answers.classes))], axis=1)
    return inside.ravel(), answers.probabilities[::step].ravel()


def macro_roc(answers: Ranking, drawn: NDArray[np.int64]) -> Floats:
    """Return the mean true positive rate of the drawn classes at each false positive rate of GRID."""
    curves = [roc_points(answers.inside(index), answers.probabilities[:, index]) for index in map(int, drawn)]
    mean: Floats = np.mean([np.interp(GRID, x, y) for x, y, _ in curves], axis=0)
    return mean


def macro_precision(answers: Ranking, drawn: NDArray[np.int64]) -> Floats:
    """Return the mean precision of the drawn classes at each recall of GRID, where it is that of the next point."""
    curves = [precision_recall_points(answers.inside(index), answers.probabilities[:, index]) for index in map(int, drawn)]
    mean: Floats = np.mean([y[np.searchsorted(x, GRID * (1 - 1e-12))] for x, y, _ in curves], axis=0)
    return mean


def roc_curve(answers: Ranking) -> pl.DataFrame:
    """Return the ROC curve of each class against the rest, at most 200 points each, evenly along the curve.

    The first point, where nothing is taken for the class, has no threshold. A class without samples has no curve.
    """
    frames = [_roc(answers.inside(index), answers.probabilities[:, index], "class", answers.classes[index])
              for index in defined(answers)]  # fmt: skip
    return pl.concat([_empty("class", "false_positive_rate", "true_positive_rate"), *frames])


def roc_averages(answers: Ranking) -> pl.DataFrame:
    """Return the micro and the macro average of the ROC curves; the latter has no thresholds."""
    drawn = defined(answers)
    if not len(drawn):
        return _empty("average", "false_positive_rate", "true_positive_rate")
    macro = {"false_positive_rate": GRID, "true_positive_rate": macro_roc(answers, drawn)}
    return pl.concat([_roc(*flattened(answers), "average", "micro"), _average("macro", macro)])


def precision_recall(answers: Ranking, named: str = "class") -> pl.DataFrame:
    """Return the precision-recall curve of each class that has samples, at most 200 points each."""
    frames = [_precision(answers.inside(index), answers.probabilities[:, index], named, answers.classes[index])
              for index in found(answers)]  # fmt: skip
    return pl.concat([_empty(named, "recall", "precision"), *frames])


def precision_recall_averages(answers: Ranking) -> pl.DataFrame:
    """Return the micro and the macro average of the precision-recall curves; the latter has no thresholds."""
    drawn = found(answers)
    if not len(drawn):
        return _empty("average", "recall", "precision")
    macro = {"recall": GRID, "precision": macro_precision(answers, drawn)}
    return pl.concat([_precision(*flattened(answers), "average", "micro"), _average("macro", macro)])


def defined(answers: Ranking) -> NDArray[np.int64]:
    """Return the classes of which there are samples, and others."""
    counts = _supports(answers)
    return np.flatnonzero((counts > 0) & (counts < len(answers.probabilities)))


def found(answers: Ranking) -> NDArray[np.int64]:
    """Return the classes of which there are samples."""
    return np.flatnonzero(_supports(answers))


def evenly(distance: Floats) -> NDArray[np.int64]:
    """Return indices of at most MAX_POINTS points, evenly in `distance` along the curve, its two ends among them."""
    wanted = np.searchsorted(distance, np.linspace(distance[0], distance[-1], MAX_POINTS))
    return np.unique(np.clip(wanted, 0, len(distance) - 1))


def _supports(answers: Ranking) -> NDArray[np.int64]:
    return np.array([answers.inside(index).sum() for index in range(len(answers.classes))])


def _roc(inside: NDArray[np.bool_], scores: Floats, named: str, name: str) -> pl.DataFrame:
    x, y, threshold = roc_points(inside, scores)
    return _thinned({"false_positive_rate": x, "true_positive_rate": y, "threshold": threshold}, evenly(x + y), named, name)


def _precision(inside: NDArray[np.bool_], scores: Floats, named: str, name: str) -> pl.DataFrame:
    x, y, threshold = precision_recall_points(inside, scores)
    kept = evenly(x + np.linspace(0, 1, len(x)))  # recall stands still where only precision falls
    return _thinned({"recall": x, "precision": y, "threshold": threshold}, kept, named, name)


def _thinned(columns: dict[str, Floats], kept: NDArray[np.int64], named: str, name: str) -> pl.DataFrame:
    table = pl.DataFrame({column: values[kept] for column, values in columns.items()}).fill_nan(None)
    return table.select(pl.lit(name).alias(named), pl.all())


def _average(name: str, columns: dict[str, Floats]) -> pl.DataFrame:
    table = pl.DataFrame(columns).gather_every(len(GRID) // MAX_POINTS + 1)
    return table.select(pl.lit(name).alias("average"), pl.all(), threshold=pl.lit(None, pl.Float64))


def _empty(named: str, x: str, y: str) -> pl.DataFrame:
    return pl.DataFrame(schema={named: pl.String, x: pl.Float64, y: pl.Float64, "threshold": pl.Float64})
