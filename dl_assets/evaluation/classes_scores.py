"""The metrics of a classifier, computed for many weightings of the same samples at once."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dl_assets.errors import DataError
from dl_assets.evaluation.bootstrap import Floats

NUM_BINS = 15  # of the calibration error, as in Guo et al. 2017


@dataclass(frozen=True)
class Answers:
    """N answers of a model that knows C classes."""

    classes: list[str]
    target: NDArray[np.int64]  # [N], index of the class
    prediction: NDArray[np.int64]  # [N]
    probabilities: Floats  # [N, C]

    def inside(self, index: int) -> NDArray[np.bool_]:
        """Return [N]: whether the sample is of this class."""
        return np.equal(self.target, index)

    @property
    def confidence(self) -> Floats:
        return self.probabilities[np.arange(len(self.prediction)), self.prediction]

    @property
    def correct(self) -> NDArray[np.bool_]:
        return np.equal(self.target, self.prediction)


def read_answers(predictions: pl.DataFrame, classes: list[str]) -> Answers:
    """Take the answers from a predictions frame. Raises DataError at a target that the model has never seen."""
    unknown = predictions.filter(~pl.col("target").is_in(classes))
    if len(unknown):
        name, sample = unknown.select("target", "id").row(0)
        raise DataError(
            f"{len(unknown)} samples have a class that no train sample has, such as '{name}' (sample {sample}). "
            "Add samples of it, take it out of the source, or write `split: {stratify: true}`."
        )
    index = {name: number for number, name in enumerate(classes)}
    target, prediction = (
        predictions[column].replace_strict(index, return_dtype=pl.Int64).to_numpy() for column in ("target", "prediction")
    )
    probabilities = predictions.select([f"probability_{name}" for name in classes]).to_numpy().astype(np.float64)
    return Answers(classes, target, prediction, probabilities)


def measure(answers: Answers, weights: Floats) -> dict[str, Floats]:
    """Return each metric for each row of `weights` [B, N]: the overall ones [B], those of `class_*` [B, C].

    Definitions are scikit-learn's with `zero_division=0`: a macro mean is over the classes that occur among targets
    or predictions, balanced accuracy and ROC AUC over the classes that have samples. Undefined is NaN.
    """
    one_hot = np.eye(len(answers.classes))
    support = weights @ one_hot[answers.target]  # [B, N] -> [B, C]
    predicted = weights @ one_hot[answers.prediction]  # [B, C]
    hits = (weights * answers.correct) @ one_hot[answers.target]  # [B, C]
    present = support + predicted > 0
    precision = np.where(present & (predicted == 0), 0.0, ratio(hits, predicted))
    recall, f1 = ratio(hits, support), ratio(2 * hits, support + predicted)
    areas = roc_auc_per_class(answers, weights)
    total = weights.sum(axis=1)
    return {
        "accuracy": hits.sum(axis=1) / total,
        "balanced_accuracy": mean(recall, support > 0),
        "precision_macro": mean(precision, present),
        "recall_macro": mean(np.nan_to_num(recall), present),
        "f1_macro": mean(f1, present),
        "roc_auc": mean(areas, ~np.isnan(areas)),
        "log_loss": log_loss(answers, weights),
        "ece": calibration_error(answers, weights),
        "support": total,
        "class_precision": precision,
        "class_recall": recall,
        "class_f1": f1,
        "class_roc_auc": areas,
        "class_support": support,
    }


def roc_auc_per_class(answers: Answers, weights: Floats) -> Floats:
    """Return [B, C]: the chance that a sample of the class scores above one of the rest, a tie counting half.

    Mann-Whitney's U over the number of pairs (Hanley and McNeil 1982); NaN where the class or the rest is empty.
    Two classes share one value, that of the second: their probabilities rank alike but for rounding.
    """
    if len(answers.classes) == 2:
        return np.repeat(roc_auc(answers.probabilities[:, 1], answers.inside(1), weights)[:, None], 2, axis=1)
    return np.stack(
        [roc_auc(answers.probabilities[:, index], answers.inside(index), weights) for index in range(len(answers.classes))],
        axis=1,
    )


def roc_auc(scores: Floats, inside: NDArray[np.bool_], weights: Floats) -> Floats:
    """Return [B] of scores [N] and weights [B, N]; see `roc_auc_per_class`."""
    rest = np.flatnonzero(~inside)
    rest = rest[np.argsort(scores[rest], kind="stable")]  # [R], lowest first
    below = np.zeros((len(weights), len(rest) + 1))
    np.cumsum(weights[:, rest], axis=1, out=below[:, 1:])  # [B, R + 1], weight of the k lowest of the rest
    lower, upper = (np.searchsorted(scores[rest], scores[inside], side=side) for side in ("left", "right"))
    won = (weights[:, inside] * (below[:, lower] + below[:, upper]) / 2).sum(axis=1)
    return ratio(won, weights[:, inside].sum(axis=1) * below[:, -1])


def log_loss(answers: Answers, weights: Floats) -> Floats:
    """Return [B]: mean of -ln(probability of the target), in nats, kept finite as scikit-learn does (Good 1952)."""
    epsilon = np.finfo(np.float64).eps
    right = answers.probabilities[np.arange(len(answers.target)), answers.target]
    losses: Floats = -np.log(np.clip(right, epsilon, 1 - epsilon))
    return ratio(weights @ losses, weights.sum(axis=1))


def calibration_error(answers: Answers, weights: Floats) -> Floats:
    """Return [B]: mean gap of confidence and accuracy over 15 equally wide bins (ECE, Guo et al. 2017, equation 3)."""
    gaps = (answers.correct - answers.confidence)[:, None] * np.eye(NUM_BINS)[confidence_bins(answers.confidence)]
    return ratio(np.abs(weights @ gaps).sum(axis=1), weights.sum(axis=1))  # [B, N] @ [N, 15] -> [B]


def confidence_bins(confidence: Floats) -> NDArray[np.int64]:
    """Return the bin of each confidence; bin m holds (m / 15, (m + 1) / 15]."""
    bins: NDArray[np.int64] = np.clip(np.ceil(confidence * NUM_BINS).astype(np.int64) - 1, 0, NUM_BINS - 1)
    return bins


def ratio(part: Floats, whole: Floats) -> Floats:
    """Divide; NaN where the whole is nothing."""
    result: Floats = np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0)
    return result


def mean(values: Floats, where: NDArray[np.bool_]) -> Floats:
    """Return the mean of each row [B, C] -> [B] where `where` holds; NaN where it holds nowhere."""
    return ratio(np.where(where, values, 0.0).sum(axis=1), where.sum(axis=1).astype(np.float64))
