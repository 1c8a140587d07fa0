"""How good a classifier is: metrics with intervals, figures, the data of the curves, and its mistakes."""

import functools
from typing import Any

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from dl_assets.evaluation import classes_curves, classes_figures
from dl_assets.evaluation.bootstrap import metrics_of
from dl_assets.evaluation.classes_calibration import calibrate as calibrate
from dl_assets.evaluation.classes_scores import measure, read_answers, roc_auc_per_class
from dl_assets.evaluation.headline import Headline, percent
from dl_assets.evaluation.mistakes import CONFIDENT

# What the report shows at its top, best known first.
HEADLINE = {
    "accuracy": Headline("Accuracy", "share of correct answers", is_share=True),
    "f1_macro": Headline("F1, macro", "precision and recall in one, every class counting the same", is_share=True),
    "roc_auc": Headline("ROC AUC, macro", "chance to rank a sample of a class above one of the others"),
    "log_loss": Headline("Log loss", "surprise at the right answer, in nats; 0 is best"),
    "ece": Headline("Calibration error", "mean gap of confidence and accuracy; 0 is best", is_share=True),
}
CAPTIONS = {
    "confusion_matrix": "Rows are the truth, columns what the model said. The diagonal is right; "
    "the darker a cell, the larger its share of the row.",
    "roc_curve": "How many samples of a class are found against how many others are taken for it, at every threshold. "
    "The nearer to the upper left corner, the better.",
    "calibration": "How often the model is right when it is so confident. Points on the diagonal mean that its "
    "confidence can be read as a probability; larger points stand for more samples.",
    "learning_curve": "How the training went, epoch by epoch, and which epoch was kept.",
}

MISTAKES = CONFIDENT


def complete(predictions: pl.DataFrame, fitted: dict[str, Any]) -> pl.DataFrame:
    """Add nothing: an answer says itself how sure it is."""
    return predictions


def metrics(predictions: pl.DataFrame, fitted: dict[str, Any], *, bootstrap_samples: int, seed: int) -> dict[str, Any]:
    """Return each metric as {value, low, high}, 95 % by bootstrap, and the same per class under `classes`.

    A metric that is undefined is left out: recall and ROC AUC of a class without samples, and its precision and F1 too
    where it is never predicted.
    """
    answers = read_answers(predictions, fitted["classes"])
    measured = functools.partial(measure, answers)
    return metrics_of(measured, answers.classes, len(predictions), bootstrap_samples=bootstrap_samples, seed=seed)


def figures(predictions: pl.DataFrame, fitted: dict[str, Any]) -> dict[str, Figure]:
    """Return the figures by their file name without ending."""
    answers = read_answers(predictions, fitted["classes"])
    return {
        "confusion_matrix": classes_figures.confusion_matrix(answers),
        "roc_curve": classes_figures.roc_curve(answers, roc_auc_per_class(answers, np.ones((1, len(predictions))))[0]),
        "calibration": classes_figures.calibration(answers.confidence, answers.correct),
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
    start = f"Of {num_samples:,} test samples that the model had never seen, it answers {num_samples - len(wrong):,} correctly"
    if not len(wrong):
        # The bootstrap cannot see a mistake that did not happen; the rule of three can (Hanley and Lippman-Hand 1983).
        return f"{start}. Among so few, that still leaves room for {percent(min(1, 3 / num_samples))} of mistakes on new ones."
    value, low, high = (percent(found["accuracy"][key]) for key in ("value", "low", "high"))
    return (
        f"{start}. That is {value}; for new samples like these expect between {low} and {high}. {_commonest(wrong)} "
        f"Its confidence is off by {100 * found['ece']['value']:.1f} percentage points on average."
    )


def _commonest(wrong: pl.DataFrame) -> str:
    pairs = wrong.group_by("target", "prediction").len().sort("len", "target", "prediction", descending=[True, False, False])
    target, prediction, count = pairs.row(0)
    which = "only mistake" if len(wrong) == 1 else f"commonest mistake ({count:,} of {len(wrong):,})"
    return f"Its {which} is to take “{target}” for “{prediction}”."
