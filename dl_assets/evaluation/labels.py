"""How good a model of several labels is: metrics with intervals, figures, the data of the curves, and its mistakes."""

import functools
from typing import Any

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from dl_assets.config import Pipeline
from dl_assets.evaluation import classes_curves, classes_figures, labels_curves, labels_figures
from dl_assets.evaluation.bootstrap import metrics_of
from dl_assets.evaluation.calibration import Calibration, require_no_threshold
from dl_assets.evaluation.classes import CAPTIONS as OF_CLASSES
from dl_assets.evaluation.headline import Headline, percent
from dl_assets.evaluation.labels_scores import average_precision_per_label, measure, read_label_answers, roc_auc_per_label
from dl_assets.evaluation.mistakes import CONFIDENT
from dl_assets.targets.labels import strata

# What the report shows at its top, best known first.
HEADLINE = {
    "mean_average_precision": Headline("Mean average precision", "how far up the right samples are, label by label"),
    "f1_micro": Headline("F1, micro", "precision and recall in one, over all labels together", is_share=True),
    "f1_macro": Headline("F1, macro", "the same, every label counting the same", is_share=True),
    "subset_accuracy": Headline("All labels right", "share of samples of which every label is right", is_share=True),
    "hamming_loss": Headline("Wrong labels", "share of all single answers that are wrong; 0 is best", is_share=True),
}
CAPTIONS = {
    "precision_recall": "Of what is taken for the label, how much is (precision), against how much of what is gets found "
    "(recall), at every threshold. The nearer to the upper right corner, the better.",
    "outcomes": "Of each label how often it was found, missed, and seen where it is not.",
    "roc_curve": OF_CLASSES["roc_curve"],
    "calibration": "How often the model is right about a label, there or not, when it is so confident. Points on the diagonal "
    "mean that its confidence can be read as a probability; larger points stand for more answers.",
    "learning_curve": OF_CLASSES["learning_curve"],
}

MISTAKES = CONFIDENT


def calibrate(config: Pipeline, predictions: pl.DataFrame, fitted: dict[str, Any]) -> Calibration:
    """Fit nothing. Raises ConfigError where a threshold is asked for."""
    require_no_threshold(config, "every label has a threshold of 0.5")
    return Calibration()


def complete(predictions: pl.DataFrame, fitted: dict[str, Any]) -> pl.DataFrame:
    """Add nothing: an answer says itself how sure it is."""
    return predictions


def metrics(predictions: pl.DataFrame, fitted: dict[str, Any], *, bootstrap_samples: int, seed: int) -> dict[str, Any]:
    """Return each metric as {value, low, high}, 95 % by bootstrap, and the same per label under `classes`.

    A metric that is undefined is left out: average precision and ROC AUC of a label without test samples.
    """
    answers = read_label_answers(predictions, fitted["classes"])
    measured = functools.partial(measure, answers)
    return metrics_of(measured, answers.classes, len(predictions), bootstrap_samples=bootstrap_samples, seed=seed)


def figures(predictions: pl.DataFrame, fitted: dict[str, Any]) -> dict[str, Figure]:
    """Return the figures by their file name without ending."""
    answers = read_label_answers(predictions, fitted["classes"])
    once = np.ones((1, len(predictions)))
    return {
        "precision_recall": labels_figures.precision_recall(answers, average_precision_per_label(answers, once)[0]),
        "outcomes": labels_figures.outcome_bars(answers),
        "roc_curve": classes_figures.roc_curve(answers, roc_auc_per_label(answers, once)[0]),
        "calibration": classes_figures.calibration(answers.confidence.ravel(), answers.correct.ravel()),
    }


def curves(predictions: pl.DataFrame, fitted: dict[str, Any]) -> dict[str, pl.DataFrame]:
    """Return the data behind the figures by their file name."""
    answers = read_label_answers(predictions, fitted["classes"])
    return {
        "precision_recall.csv": labels_curves.precision_recall(answers),
        "outcomes.csv": labels_curves.outcomes(answers),
        "roc_curve.csv": classes_curves.roc_curve(answers),
    }


def mistakes(predictions: pl.DataFrame) -> pl.DataFrame:
    """Return the samples with a wrong label, most confident first; ties in the order of their id."""
    wrong = predictions.filter(strata(predictions["target"]) != strata(predictions["prediction"]))
    return wrong.sort("confidence", "id", descending=[True, False])


def sentence(found: dict[str, Any], predictions: pl.DataFrame) -> str:
    """Say in plain words what the metrics of these test predictions mean."""
    num_samples, wrong = len(predictions), mistakes(predictions)
    right = num_samples - len(wrong)
    start = f"Of {num_samples:,} test samples that the model had never seen, it gets all labels of {right:,} right"
    if not len(wrong):
        # The rule of three, as for classes (Hanley and Lippman-Hand 1983).
        return f"{start}. Among so few, that still leaves room for {percent(min(1, 3 / num_samples))} of mistakes on new ones."
    value, low, high = (percent(found["subset_accuracy"][key]) for key in ("value", "low", "high"))
    return (
        f"{start}. That is {value}; for new samples like these expect between {low} and {high}. {_commonest(wrong)} "
        f"Of all single answers, whether a label is there, {percent(found['hamming_loss']['value'])} are wrong."
    )


def _commonest(wrong: pl.DataFrame) -> str:
    sides = wrong.select(target=strata(wrong["target"]), prediction=strata(wrong["prediction"]))
    columns = {"miss": ("target", "prediction"), "see": ("prediction", "target")}
    kinds = [
        sides.select(label=pl.col(one).list.set_difference(other), kind=pl.lit(kind)).explode("label").drop_nulls()
        for kind, (one, other) in columns.items()
    ]
    counts = pl.concat(kinds).group_by("kind", "label").len().sort("len", "kind", "label", descending=[True, False, False])
    kind, label, count = counts.row(0)
    which = "only mistake" if counts["len"].sum() == 1 else f"commonest mistake ({count:,} of {counts['len'].sum():,})"
    return f"Its {which} is to {kind} “{label}”{' where it is not' if kind == 'see' else ''}."
