"""The metrics of a classifier, computed for many weightings of the same samples at once."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dl_assets.errors import DataError
from dl_assets.evaluation.bootstrap import Floats
from dl_assets.evaluation.finite import require_finite
from dl_assets.evaluation.ranking import areas
from dl_assets.evaluation.ranking import ratio as ratio

TOP = 5  # of more classes than these, it is also told whether the target is among the so many likeliest
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
    probabilities = read_probabilities(predictions, classes)
    return Answers(classes, target, prediction, probabilities)


def read_probabilities(predictions: pl.DataFrame, classes: list[str]) -> Floats:
    """Return the probabilities [N, C]. Raises DataError where one of them is no finite number."""
    probabilities = predictions.select([pl.col(f"probability_{name}").cast(pl.Float64) for name in classes]).to_numpy()
    require_finite(probabilities, predictions["id"])
    return np.asarray(probabilities, dtype=np.float64)


def measure(answers: Answers, weights: Floats) -> dict[str, Floats]:
    """Return each metric for each row of `weights` [B, N]: the overall ones [B], those of `class_*` [B, C].

    Definitions are scikit-learn's with `zero_division=0`: a macro mean is over the classes that occur among targets or
    predictions; that of balanced accuracy, ROC AUC and average precision over those with samples. Undefined is NaN.
    """
    one_hot = np.eye(len(answers.classes))
    support = weights @ one_hot[answers.target]  # [B, N] -> [B, C]
    predicted = weights @ one_hot[answers.prediction]  # [B, C]
    hits = (weights * answers.correct) @ one_hot[answers.target]  # [B, C]
    present = support + predicted > 0
    precision = np.where(present & (predicted == 0), 0.0, ratio(hits, predicted))
    recall, f1 = ratio(hits, support), ratio(2 * hits, support + predicted)
    roc, precise = areas_per_class(answers, weights)
    surprised = (weights * surprises(answers)) @ one_hot[answers.target]  # [B, C]
    total = weights.sum(axis=1)
    top = {f"top_{TOP}_accuracy": weights @ top_hits(answers, TOP) / total} if len(answers.classes) > TOP else {}
    return {
        "accuracy": hits.sum(axis=1) / total,
        "balanced_accuracy": mean(recall, support > 0),
        "precision_macro": mean(precision, present),
        "recall_macro": mean(np.nan_to_num(recall), present),
        "f1_macro": mean(f1, present),
        **top,
        "matthews": matthews(hits, support, predicted),
        "roc_auc": mean(roc, ~np.isnan(roc)),
        "average_precision_macro": mean(precise, ~np.isnan(precise)),
        "log_loss": surprised.sum(axis=1) / total,
        "ece": calibration_error(answers, weights),
        "support": total,
        "class_precision": precision,
        "class_recall": recall,
        "class_f1": f1,
        "class_roc_auc": roc,
        "class_average_precision": precise,
        "class_log_loss": ratio(surprised, support),
        "class_support": support,
    }


def areas_per_class(answers: Answers, weights: Floats) -> tuple[Floats, Floats]:
    """Return ROC AUC and average precision of each class against the rest, [B, C] each; see `ranking.areas`.

    Two classes share one ROC AUC, that of the second: their probabilities rank alike but for rounding.
    """
    columns = [areas(answers.probabilities[:, index], answers.inside(index), weights) for index in range(len(answers.classes))]
    roc, precise = (np.stack(column, axis=1) for column in zip(*columns, strict=True))
    return (np.repeat(roc[:, 1:], 2, axis=1) if len(columns) == 2 else roc), precise


def roc_auc_per_class(answers: Answers, weights: Floats) -> Floats:
    """Return the ROC AUC of each class, [B, C]."""
    return areas_per_class(answers, weights)[0]


def top_hits(answers: Answers, most: int) -> Floats:
    """Return [N]: 1 where the target is among the so many likeliest classes; of equal ones the last, as scikit-learn does."""
    target = answers.target[:, None]
    right = np.take_along_axis(answers.probabilities, target, axis=1)
    is_later = np.arange(len(answers.classes)) > target
    before = (answers.probabilities > right) | ((answers.probabilities == right) & is_later)
    return np.asarray(before.sum(axis=1) < most, dtype=np.float64)


def matthews(hits: Floats, support: Floats, predicted: Floats) -> Floats:
    """Return [B]: how targets and predictions go together (Gorodkin 2004), of counts [B, C]; 0 where one is constant."""
    total = support.sum(axis=1)
    together = hits.sum(axis=1) * total - (support * predicted).sum(axis=1)
    spread = (total**2 - (support**2).sum(axis=1)) * (total**2 - (predicted**2).sum(axis=1))
    found: Floats = np.nan_to_num(ratio(together, np.sqrt(spread)))
    return found


def surprises(answers: Answers) -> Floats:
    """Return [N]: -ln(probability of the target), in nats, kept finite as scikit-learn does (Good 1952)."""
    epsilon = np.finfo(np.float64).eps
    right = answers.probabilities[np.arange(len(answers.target)), answers.target]
    found: Floats = -np.log(np.clip(right, epsilon, 1 - epsilon))
    return found


def log_loss(answers: Answers, weights: Floats) -> Floats:
    """Return [B]: the mean surprise."""
    return ratio(weights @ surprises(answers), weights.sum(axis=1))


def calibration_error(answers: Answers, weights: Floats) -> Floats:
    """Return [B]: mean gap of confidence and accuracy over 15 equally wide bins (ECE, Guo et al. 2017, equation 3)."""
    gaps = (answers.correct - answers.confidence)[:, None] * np.eye(NUM_BINS)[confidence_bins(answers.confidence)]
    return ratio(np.abs(weights @ gaps).sum(axis=1), weights.sum(axis=1))  # [B, N] @ [N, 15] -> [B]


def confidence_bins(confidence: Floats) -> NDArray[np.int64]:
    """Return the bin of each confidence; bin m holds (m / 15, (m + 1) / 15]."""
    bins: NDArray[np.int64] = np.clip(np.ceil(confidence * NUM_BINS).astype(np.int64) - 1, 0, NUM_BINS - 1)
    return bins


def mean(values: Floats, where: NDArray[np.bool_]) -> Floats:
    """Return the mean of each row [B, C] -> [B] where `where` holds; NaN where it holds nowhere."""
    return ratio(np.where(where, values, 0.0).sum(axis=1), where.sum(axis=1).astype(np.float64))
