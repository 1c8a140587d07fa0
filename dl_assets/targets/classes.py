"""A target is the name of one class; the model's answer is one probability per class."""

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dl_assets.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor, nn

LOSS = "cross_entropy"  # by which val is judged, and what is learnt by where the YAML does not say otherwise
SCORES = {"accuracy": "maximize"}  # what `score` returns, and which way is better
# What is measured on the test part, and which way is better; the first decides where nobody says what does.
METRICS = {
    "accuracy": "maximize",
    "balanced_accuracy": "maximize",
    "precision_macro": "maximize",
    "recall_macro": "maximize",
    "f1_macro": "maximize",
    "top_5_accuracy": "maximize",
    "matthews": "maximize",
    "roc_auc": "maximize",
    "average_precision_macro": "maximize",
    "log_loss": "minimize",
    "ece": "minimize",
}
OUTPUT = "probabilities"  # name of the model's answer
EVERY_STRATUM = True  # every part, and every fold, must hold each of what `strata` names
LEAST_PROBABILITY = float(np.finfo(np.float32).tiny)  # of which a logarithm is taken: 0 has none


def rename(targets: pl.Series, names: dict[str, str]) -> pl.Series:
    """Give classes other names (found: instead), once, so that two may be swapped.

    >>> rename(pl.Series(["Cat", "dog"]), {"Cat": "cat"}).to_list()
    ['cat', 'dog']
    """
    return targets.replace(names) if names else targets


def fit(targets: pl.Series) -> dict[str, Any]:
    """Return the classes in their order, which is the order of the model's outputs.

    >>> fit(pl.Series(["dog", "cat", "dog"]))
    {'classes': ['cat', 'dog']}
    """
    classes = sorted(targets.drop_nulls().unique().to_list())
    if len(classes) < 2:
        raise DataError(
            f"the train part holds {len(classes)} class{'es' if len(classes) != 1 else ''} "
            f"({', '.join(classes) or 'none'}), but a classifier needs two or more. "
            "Add samples of another class to the source."
        )
    return {"classes": classes}


def num_outputs(fitted: dict[str, Any]) -> int:
    """Return how many numbers the model puts out for a sample."""
    return len(fitted["classes"])


def strata(targets: pl.Series) -> pl.Series:
    """Return for each target what a split keeps in balance, as a list: its class.

    >>> strata(pl.Series(["dog", "cat"])).to_list()
    [['dog'], ['cat']]
    """
    return targets.to_frame("target").select(pl.concat_list("target")).to_series()


def encode(targets: pl.Series, fitted: dict[str, Any]) -> NDArray[np.int64]:
    """Return the index of each target's class, [N].

    >>> encode(pl.Series(["dog", "cat"]), {"classes": ["cat", "dog"]})
    array([1, 0])
    """
    index_of = {name: index for index, name in enumerate(fitted["classes"])}
    unknown = sorted({str(target) for target in targets} - set(index_of))
    if unknown:
        raise DataError(
            f"found {len(unknown)} class{'es' if len(unknown) > 1 else ''} that the train part does not hold: "
            f"{', '.join(unknown[:10])}. Add samples of them to the source (three or more a class), "
            "or take the class out of it."
        )
    return np.array([index_of[str(target)] for target in targets], dtype=np.int64)


def class_weights(targets: pl.Series, fitted: dict[str, Any]) -> NDArray[np.float32]:
    """Return the weight of each class with which every class counts as much as another, [C]; their mean over samples is 1.

    >>> class_weights(pl.Series(["cat"] * 7 + ["dog"]), {"classes": ["cat", "dog"]}).round(2)
    array([0.57, 4.  ], dtype=float32)
    """
    counts = np.bincount(encode(targets, fitted), minlength=num_outputs(fitted))
    return (len(targets) / (len(counts) * np.maximum(counts, 1))).astype(np.float32)


def sample_weights(targets: pl.Series, fitted: dict[str, Any]) -> NDArray[np.float32]:
    """Return how often each sample is drawn where every class is to be drawn as often, [N]."""
    return class_weights(targets, fitted)[encode(targets, fitted)]


def score(outputs: "Tensor", encoded: "Tensor") -> "dict[str, Tensor]":
    """Return what a person watches during training, each as the mean of the batch."""
    return {"accuracy": (outputs.argmax(dim=1) == encoded).float().mean()}


def activation(fitted: dict[str, Any]) -> "nn.Module":
    """Return what turns outputs [B, C] into probabilities [B, C]."""
    from torch import nn

    return nn.Softmax(dim=1)


def calibration(fitted: dict[str, Any]) -> "nn.Module | None":
    """Return what turns probabilities [B, C] into those of the fitted `temperature` (Guo et al. 2017); None without one."""
    if "temperature" not in fitted:
        return None
    import torch
    from torch import nn

    class Tempered(nn.Module):
        def forward(self, probabilities: torch.Tensor) -> torch.Tensor:
            logarithms = probabilities.clamp_min(LEAST_PROBABILITY).log()
            return torch.softmax(logarithms / fitted["temperature"], dim=1)

    return Tempered()


def agreement(
    expected: NDArray[np.floating[Any]], found: NDArray[np.floating[Any]], fitted: dict[str, Any]
) -> tuple[float, float]:
    """Return the largest difference of any probability [N, C], and the share of samples with the same prediction.

    Answers that are not finite differ by 1 and agree with nothing.

    >>> agreement(np.array([[0.75, 0.25], [0.5, 0.5]]), np.array([[0.5, 0.5], [np.nan, 0.5]]), {})
    (1.0, 0.5)
    """
    is_finite = np.isfinite(found)
    apart = np.where(is_finite, np.abs(expected.astype(np.float64) - found), 1.0)
    agree = (chosen(expected, fitted) == chosen(found, fitted)) & is_finite.all(axis=1)
    return float(apart.max()), float(agree.mean())


def describe() -> str:
    """Say how the model's answer is read."""
    return "one probability per class, in the order of `classes`; each row sums to 1"


def chosen(probabilities: NDArray[np.floating[Any]], fitted: dict[str, Any]) -> NDArray[np.int64]:
    """Return the index of the predicted class, [N]: the likeliest, of equal ones the first.

    Where a `threshold` was fitted, it is class `positive` at or above it, and the other one of two below it.

    >>> answers = np.array([[0.5, 0.5], [0.7, 0.3], [0.8, 0.2]])
    >>> chosen(answers, {"classes": ["no", "yes"]}).tolist()
    [0, 0, 0]
    >>> chosen(answers, {"classes": ["no", "yes"], "threshold": 0.3, "positive": "yes"}).tolist()
    [1, 1, 0]
    """
    if not len(probabilities):
        return np.zeros(0, dtype=np.int64)
    if fitted.get("threshold") is None:
        return np.asarray(probabilities.argmax(axis=1), dtype=np.int64)
    positive = fitted["classes"].index(fitted["positive"])
    is_positive = probabilities[:, positive] >= fitted["threshold"]
    return np.asarray(np.where(is_positive, positive, 1 - positive), dtype=np.int64)


def answers(probabilities: NDArray[np.floating[Any]], fitted: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what `predictions` does as one dictionary a sample: for few samples that takes a tenth of the time of a table.

    >>> answers(np.array([[0.25, 0.75]]), {"classes": ["cat", "dog"]})
    [{'prediction': 'dog', 'confidence': 0.75, 'probability_cat': 0.25, 'probability_dog': 0.75}]
    """
    values = probabilities.astype(np.float64)  # [N, C]
    names = [f"probability_{name}" for name in fitted["classes"]]
    return [
        {"prediction": fitted["classes"][best], "confidence": row[best], **dict(zip(names, row, strict=True))}
        for best, row in zip(chosen(values, fitted).tolist(), values.tolist(), strict=True)
    ]


def predictions(probabilities: NDArray[np.floating[Any]], fitted: dict[str, Any]) -> pl.DataFrame:
    """Return one row a sample: prediction, confidence (the probability of the predicted class) and `probability_<class>`."""
    classes = fitted["classes"]
    values = probabilities.astype(np.float64)  # [N, C]
    best = chosen(values, fitted)
    confidence = values[np.arange(len(best)), best] if len(values) else np.zeros(0)
    return pl.DataFrame(
        {
            "prediction": pl.Series([classes[index] for index in best], dtype=pl.String),
            "confidence": pl.Series(confidence, dtype=pl.Float64),
            **{f"probability_{name}": pl.Series(values[:, index], dtype=pl.Float64) for index, name in enumerate(classes)},
        }
    )


def goodness(probabilities: NDArray[np.floating[Any]], targets: pl.Series, fitted: dict[str, Any]) -> float:
    """Return the one number by which two models of a pipeline are compared, 1 at best: the share of right predictions.

    >>> goodness(np.array([[0.9, 0.1], [0.8, 0.2]]), pl.Series(["cat", "dog"]), {"classes": ["cat", "dog"]})
    0.5
    """
    return float(np.mean(predictions(probabilities, fitted)["prediction"].to_numpy() == targets.to_numpy()))
