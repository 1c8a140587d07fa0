"""A target is any number of labels, such as `cat|dog`; the model's answer is one probability per label, each for itself."""

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dl_assets.artifacts.raw import LABEL_SEPARATOR as SEPARATOR
from dl_assets.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor, nn

LOSS = "binary_cross_entropy"  # by which val is judged, and what is learnt by where the YAML does not say otherwise
SCORES = {"f1_micro": "maximize"}  # what `score` returns, and which way is better
# What is measured on the test part, and which way is better; the first decides where nobody says what does.
METRICS = {
    "mean_average_precision": "maximize",
    "f1_micro": "maximize",
    "f1_macro": "maximize",
    "subset_accuracy": "maximize",
    "hamming_loss": "minimize",
    "roc_auc": "maximize",
    "log_loss": "minimize",
    "ece": "minimize",
}
OUTPUT = "probabilities"  # name of the model's answer
EVERY_STRATUM = True  # every part, and every fold, must hold each of what `strata` names
THRESHOLD = 0.5  # a label of a higher probability is predicted


def strata(targets: pl.Series) -> pl.Series:
    """Return for each target what a split keeps in balance, as a list: its labels in the order of the alphabet.

    >>> strata(pl.Series(["dog|cat", "cat", " dog | dog"])).to_list()
    [['cat', 'dog'], ['cat'], ['dog']]
    """
    stripped = targets.str.split(SEPARATOR).list.eval(pl.element().str.strip_chars())
    return stripped.list.eval(pl.element().filter(pl.element() != "")).list.unique().list.sort()


def rename(targets: pl.Series, names: dict[str, str]) -> pl.Series:
    """Give labels other names (found: instead), once, so that two may be swapped; equal ones become one.

    >>> rename(pl.Series(["Cat|cat|dog", "dog"]), {"Cat": "cat"}).to_list()
    ['cat|dog', 'dog']
    """
    if not names:
        return targets
    renamed = strata(targets).list.eval(pl.element().replace(names)).list.unique().list.sort()
    return renamed.list.join(SEPARATOR).alias(targets.name)


def fit(targets: pl.Series) -> dict[str, Any]:
    """Return the labels in their order, which is the order of the model's outputs, as `classes`.

    >>> fit(pl.Series(["dog", "cat|dog"]))
    {'classes': ['cat', 'dog']}
    """
    classes = strata(targets.drop_nulls()).explode().drop_nulls().unique().sort().to_list()
    if len(classes) < 2:
        raise DataError(
            f"the train part holds {len(classes)} label{'s' if len(classes) != 1 else ''} ({', '.join(classes) or 'none'}), "
            f"but there must be two or more. Add samples of another label, joined by '{SEPARATOR}' where a sample has several."
        )
    return {"classes": classes}


def num_outputs(fitted: dict[str, Any]) -> int:
    """Return how many numbers the model puts out for a sample."""
    return len(fitted["classes"])


def encode(targets: pl.Series, fitted: dict[str, Any]) -> NDArray[np.float32]:
    """Return 1 where the target has the label and 0 elsewhere, [N, L].

    >>> encode(pl.Series(["dog", "dog|cat"]), {"classes": ["cat", "dog"]})
    array([[0., 1.],
           [1., 1.]], dtype=float32)
    """
    index_of = {name: index for index, name in enumerate(fitted["classes"])}
    held = pl.DataFrame({"row": np.arange(len(targets)), "label": strata(targets)}).explode("label").drop_nulls()
    unknown = sorted(set(held["label"]) - set(index_of))
    if unknown:
        raise DataError(
            f"found {len(unknown)} label{'s' if len(unknown) > 1 else ''} that the train part does not hold: "
            f"{', '.join(unknown[:10])}. Add samples of them to the source (three or more a label), "
            "or take the label out of it."
        )
    encoded = np.zeros((len(targets), len(index_of)), dtype=np.float32)
    encoded[held["row"].to_numpy(), held["label"].replace_strict(index_of, return_dtype=pl.Int64).to_numpy()] = 1
    return encoded


def class_weights(targets: pl.Series, fitted: dict[str, Any]) -> NDArray[np.float32]:
    """Return for each label how much its presence counts, [L], so that it counts as much as its absence.

    >>> class_weights(pl.Series(["cat", "cat|dog", "cat", "cat"]), {"classes": ["cat", "dog"]}).tolist()
    [1.0, 3.0]
    """
    there = encode(targets, fitted).sum(axis=0)
    absent = len(targets) - there
    return np.where((there > 0) & (absent > 0), absent / np.maximum(there, 1), 1).astype(np.float32)


def sample_weights(targets: pl.Series, fitted: dict[str, Any]) -> NDArray[np.float32]:
    """Return how often each sample is drawn, [N]: as its rarest label asks for."""
    held = encode(targets, fitted)  # [N, L]
    weights: NDArray[np.float32] = (held / np.maximum(held.sum(axis=0), 1)).max(axis=1) * len(targets)
    return weights


def score(outputs: "Tensor", encoded: "Tensor") -> "dict[str, Tensor]":
    """Return what a person watches during training: F1 over all labels of the batch together (1 where there is none)."""
    predicted, there = outputs > 0, encoded > 0.5
    hits = (predicted & there).sum().float()
    total = (predicted.sum() + there.sum()).float()
    return {"f1_micro": (2 * hits / total).nan_to_num(nan=1.0)}


def activation(fitted: dict[str, Any]) -> "nn.Module":
    """Return what turns outputs [B, L] into probabilities [B, L]."""
    from torch import nn

    return nn.Sigmoid()


def calibration(fitted: dict[str, Any]) -> "nn.Module | None":
    """Return None: a probability of each label for itself stays as it was learnt."""
    return None


def agreement(
    expected: NDArray[np.floating[Any]], found: NDArray[np.floating[Any]], fitted: dict[str, Any]
) -> tuple[float, float]:
    """Return the largest difference of any probability [N, L], and the share of samples with the same labels above 0.5.

    Answers that are not finite differ by 1 and agree with nothing.

    >>> agreement(np.array([[0.75, 0.25], [0.5, 0.5]]), np.array([[0.75, 0.5], [0.5, 0.75]]), {})
    (0.25, 0.5)
    """
    is_finite = np.isfinite(found)
    apart = np.where(is_finite, np.abs(expected.astype(np.float64) - found), 1.0)
    agree = ((expected > THRESHOLD) == (found > THRESHOLD)) & is_finite
    return float(apart.max()), float(agree.all(axis=1).mean())


def describe() -> str:
    """Say how the model's answer is read."""
    return (
        "one probability per label, in the order of `classes`, each for itself: any number of labels can be right, and a "
        f"label is predicted above {THRESHOLD}"
    )


def join(has: NDArray[np.bool_], fitted: dict[str, Any]) -> pl.Series:
    """Return the target of each row of [N, L], its labels in the order of the model's outputs; none is an empty text.

    >>> join(np.array([[True, True], [False, False]]), {"classes": ["cat", "dog"]}).to_list()
    ['cat|dog', '']
    """
    names = np.array(fitted["classes"], dtype=object)
    return pl.Series([SEPARATOR.join(names[row]) for row in has], dtype=pl.String)


def answers(probabilities: NDArray[np.floating[Any]], fitted: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what `predictions` does as one dictionary a sample: for few samples that takes a tenth of the time of a table.

    >>> answers(np.array([[0.25, 0.875]]), {"classes": ["cat", "dog"]})
    [{'prediction': 'dog', 'confidence': 0.75, 'probability_cat': 0.25, 'probability_dog': 0.875}]
    """
    values = probabilities.astype(np.float64).reshape(-1, num_outputs(fitted))  # [N, L]
    names = [f"probability_{name}" for name in fitted["classes"]]
    sure = np.maximum(values, 1 - values).min(axis=1).tolist()
    return [
        {"prediction": prediction, "confidence": confidence, **dict(zip(names, row, strict=True))}
        for prediction, confidence, row in zip(join(values > THRESHOLD, fitted).to_list(), sure, values.tolist(), strict=True)
    ]


def predictions(probabilities: NDArray[np.floating[Any]], fitted: dict[str, Any]) -> pl.DataFrame:
    """Return one row a sample: prediction (the labels above 0.5, joined), confidence and `probability_<label>`.

    The confidence is that of the label that the model is least sure of, 0.5 to 1.
    """
    values = probabilities.astype(np.float64).reshape(-1, num_outputs(fitted))  # [N, L]
    return pl.DataFrame(
        {
            "prediction": join(values > THRESHOLD, fitted),
            "confidence": np.maximum(values, 1 - values).min(axis=1),
            **{f"probability_{name}": values[:, index] for index, name in enumerate(fitted["classes"])},
        }
    )


def goodness(probabilities: NDArray[np.floating[Any]], targets: pl.Series, fitted: dict[str, Any]) -> float:
    """Return the one number by which two models of a pipeline are compared, 1 at best: the share of right answers by label.

    >>> goodness(np.array([[0.9, 0.1], [0.8, 0.7]]), pl.Series(["cat", "dog"]), {"classes": ["cat", "dog"]})
    0.75
    """
    return float(((probabilities > THRESHOLD) == (encode(targets, fitted) > 0)).mean())
