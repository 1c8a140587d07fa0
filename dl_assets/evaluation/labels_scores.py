"""The metrics of a model that gives any number of labels, computed for many weightings of the same samples at once."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.evaluation.classes_scores import NUM_BINS, confidence_bins, mean, read_probabilities
from dl_assets.evaluation.ranking import areas, ratio
from dl_assets.targets.labels import THRESHOLD, encode

Truths = NDArray[np.bool_]


@dataclass(frozen=True)
class LabelAnswers:
    """N answers of a model that knows L labels; of each it says how likely it is there."""

    classes: list[str]
    truth: Truths  # [N, L]
    probabilities: Floats  # [N, L]

    @property
    def prediction(self) -> Truths:
        return self.probabilities > THRESHOLD

    def inside(self, index: int) -> Truths:
        """Return [N]: whether the sample has this label."""
        return self.truth[:, index]

    @property
    def confidence(self) -> Floats:
        """Return [N, L]: how sure the model is that the label is there, or that it is not."""
        return np.maximum(self.probabilities, 1 - self.probabilities)

    @property
    def correct(self) -> Truths:
        """Return [N, L]: whether it is as the model says."""
        return np.equal(self.truth, self.prediction)


def read_label_answers(predictions: pl.DataFrame, classes: list[str]) -> LabelAnswers:
    """Take the answers from a predictions frame. Raises DataError at a label that the model has never seen."""
    truth = encode(predictions["target"], {"classes": classes}) > 0
    return LabelAnswers(classes, truth, read_probabilities(predictions, classes))


def measure(answers: LabelAnswers, weights: Floats) -> dict[str, Floats]:
    """Return each metric for each row of `weights` [B, N]: the overall ones [B], those of `class_*` [B, L].

    Definitions are scikit-learn's with `zero_division=0`: a macro mean is over the labels that occur among targets or
    predictions, those of average precision and ROC AUC over the labels for which they are defined. Undefined is NaN.
    """
    prediction, wrong, total = answers.prediction, ~answers.correct, weights.sum(axis=1)
    support = weights @ answers.truth  # [B, N] @ [N, L] -> [B, L]
    predicted = weights @ prediction
    hits = weights @ (answers.truth & prediction)
    present = support + predicted > 0
    precision = np.where(present & (predicted == 0), 0.0, ratio(hits, predicted))
    recall, f1 = ratio(hits, support), ratio(2 * hits, support + predicted)
    roc, precise = areas_per_label(answers, weights)
    return {
        "mean_average_precision": mean(precise, ~np.isnan(precise)),
        "f1_micro": ratio(2 * hits.sum(axis=1), (support + predicted).sum(axis=1)),
        "f1_macro": mean(f1, present),
        "subset_accuracy": weights @ ~wrong.any(axis=1) / total,
        "hamming_loss": weights @ wrong.mean(axis=1) / total,
        "roc_auc": mean(roc, ~np.isnan(roc)),
        "log_loss": log_loss(answers, weights),
        "ece": calibration_error(answers, weights),
        "support": total,
        "class_precision": precision,
        "class_recall": recall,
        "class_f1": f1,
        "class_average_precision": precise,
        "class_roc_auc": roc,
        "class_support": support,
    }


def areas_per_label(answers: LabelAnswers, weights: Floats) -> tuple[Floats, Floats]:
    """Return ROC AUC and average precision of each label, [B, L] each; see `ranking.areas`."""
    columns = [areas(answers.probabilities[:, index], answers.inside(index), weights) for index in range(len(answers.classes))]
    roc, precise = (np.stack(column, axis=1) for column in zip(*columns, strict=True))
    return roc, precise


def log_loss(answers: LabelAnswers, weights: Floats) -> Floats:
    """Return [B]: mean of -ln(probability of what is the case) over samples and labels, in nats, kept finite."""
    epsilon = np.finfo(np.float64).eps
    right = np.where(answers.truth, answers.probabilities, 1 - answers.probabilities)
    losses: Floats = -np.log(np.clip(right, epsilon, 1 - epsilon)).mean(axis=1)  # [N, L] -> [N]
    return ratio(weights @ losses, weights.sum(axis=1))


def calibration_error(answers: LabelAnswers, weights: Floats) -> Floats:
    """Return [B]: mean gap of confidence and accuracy over 15 equally wide bins, each answer of each label counting once."""
    num_samples, num_labels = answers.truth.shape
    gaps = answers.correct - answers.confidence  # [N, L]
    cells = np.arange(num_samples)[:, None] * NUM_BINS + confidence_bins(answers.confidence)
    binned = np.bincount(cells.ravel(), weights=gaps.ravel(), minlength=num_samples * NUM_BINS).reshape(num_samples, NUM_BINS)
    return ratio(np.abs(weights @ binned).sum(axis=1), num_labels * weights.sum(axis=1))  # [B, N] @ [N, 15] -> [B]
