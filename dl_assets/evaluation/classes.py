"""How good a classifier is: metrics with intervals, figures, the data of the curves, and its mistakes."""

import functools
from typing import Any

import polars as pl
from matplotlib.figure import Figure

from dl_assets.evaluation import classes_curves, classes_figures
from dl_assets.evaluation.bootstrap import Floats, intervals
from dl_assets.evaluation.classes_scores import measure, read_answers

# What the report shows at its top, best known first.
HEADLINE = {
    "accuracy": "Accuracy",
    "f1_macro": "F1, macro",
    "roc_auc": "ROC AUC, macro",
    "log_loss": "Log loss",
    "ece": "Calibration error",
}


def metrics(predictions: pl.DataFrame, fitted: dict[str, Any], *, bootstrap_samples: int, seed: int) -> dict[str, Any]:
    """Return each metric as {value, low, high}, 95 % by bootstrap, and the same per class under `classes`.

    A metric that is undefined is left out, for JSON has no NaN and DVC compares numbers only: recall and ROC AUC of a
    class without samples, and its precision and F1 too where it is never predicted.
    """
    answers = read_answers(predictions, fitted["classes"])
    found = intervals(functools.partial(measure, answers), len(predictions), bootstrap_samples=bootstrap_samples, seed=seed)
    overall = {name: values for name, values in found.items() if not name.startswith("class_")}
    per_class = {name: {key.removeprefix("class_"): values[:, index] for key, values in found.items() if key not in overall}
                 for index, name in enumerate(answers.classes)}
    return {**_named(overall), "classes": {name: _named(values) for name, values in per_class.items()}}


def figures(predictions: pl.DataFrame, fitted: dict[str, Any]) -> dict[str, Figure]:
    """Return the figures by their file name without ending."""
    answers = read_answers(predictions, fitted["classes"])
    return {
        "roc_curve": classes_figures.roc_curve(answers),
        "confusion_matrix": classes_figures.confusion_matrix(answers),
        "calibration": classes_figures.calibration(answers),
    }


def curves(predictions: pl.DataFrame, fitted: dict[str, Any]) -> dict[str, pl.DataFrame]:
    """Return the data behind the figures by their file name."""
    answers = read_answers(predictions, fitted["classes"])
    return {
        "roc_curve.csv": classes_curves.roc_curve(answers),
        "confusion_matrix.csv": classes_curves.confusion_matrix(answers),
    }


def mistakes(predictions: pl.DataFrame) -> pl.DataFrame:
    """Return the wrong answers, most confident first; ties in the order of their id."""
    wrong = predictions.filter(pl.col("target") != pl.col("prediction"))
    return wrong.sort("confidence", "id", descending=[True, False])


def sentence(found: dict[str, Any], predictions: pl.DataFrame) -> str:
    """Say in plain words what the metrics of these test predictions mean."""
    num_samples, wrong = len(predictions), mistakes(predictions)
    accuracy = found["accuracy"]
    start = f"Of {num_samples:,} test samples that it had never seen, the model answers {num_samples - len(wrong):,} correctly"
    if not len(wrong):
        return f"{start}. With so many samples and no mistake, up to {min(1.0, 3 / num_samples):.1%} of new ones may still go wrong."
    (target, prediction), count = _commonest(wrong)
    return (f"{start}: {accuracy['value']:.1%}, and with 95 % confidence between {accuracy['low']:.1%} and {accuracy['high']:.1%}. "
            f"Its commonest mistake is to take “{target}” for “{prediction}” ({count:,} of {len(wrong):,} mistakes). "
            f"What it says of its own certainty is off by {100 * found['ece']['value']:.1f} percentage points on average.")


def _commonest(wrong: pl.DataFrame) -> tuple[tuple[str, str], int]:
    pairs = wrong.group_by("target", "prediction").len().sort("len", "target", "prediction", descending=[True, False, False])
    target, prediction, count = pairs.row(0)
    return (target, prediction), count


def _named(values: dict[str, Floats]) -> dict[str, dict[str, float]]:
    """{name: [value, low, high]} -> {name: {value, low, high}}, without those that hold a NaN."""
    return {name: dict(zip(("value", "low", "high"), triple.tolist(), strict=True))
            for name, triple in values.items() if triple.sum() == triple.sum()}
