"""How good a classifier is: metrics with intervals, figures, the data of the curves, and its mistakes."""

import functools
from typing import Any

import numpy as np
import polars as pl
from matplotlib.figure import Figure

from dl_assets.evaluation import classes_curves, classes_figures, confusion_figures, ranking_curves, ranking_figures
from dl_assets.evaluation.bootstrap import Measure, metrics_of
from dl_assets.evaluation.classes_calibration import calibrate as calibrate
from dl_assets.evaluation.classes_mistakes import galleries as galleries
from dl_assets.evaluation.classes_mistakes import mistakes as mistakes
from dl_assets.evaluation.classes_mistakes import pairs, wrong
from dl_assets.evaluation.classes_mistakes import panels as panels
from dl_assets.evaluation.classes_scores import Answers, areas_per_class, measure, read_answers
from dl_assets.evaluation.comparison import Compared
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
# What it shows below them.
FURTHER = {
    "balanced_accuracy": Headline("Balanced accuracy", "mean of what is found of each class", is_share=True),
    "precision_macro": Headline("Precision, macro", "of what it calls so, how much is so: mean of the classes", is_share=True),
    "recall_macro": Headline("Recall, macro", "of what is so, how much it finds: mean of the classes", is_share=True),
    "top_5_accuracy": Headline("Top 5", "share of samples whose class is among its five likeliest", is_share=True),
    "matthews": Headline("Matthews correlation", "how targets and predictions go together; 1 is best, 0 is chance"),
    "average_precision_macro": Headline(
        "Average precision, macro", "area below the precision-recall curve: mean of the classes"
    ),
}
CAPTIONS = {
    "confusion_matrix": "Rows are the truth, columns what the model said. The diagonal is right; "
    "the darker a cell, the more samples are in it.",
    "confusion_shares": "The same in percent of each row, so that rare classes are seen like common ones: on the diagonal "
    "is the recall of a class.",
    "roc_curve": "How many samples of a class are found against how many others are taken for it, at every threshold. "
    "The nearer to the upper left corner, the better.",
    "precision_recall": "Of what is taken for the class, how much is (precision), against how much of what is gets found "
    "(recall), at every threshold. The nearer to the upper right corner, the better.",
    "cumulative_gain": "Taking first what the model is surest of: how much of the positive class is found by then, and how "
    "many times as much as by taking at random.",
    "calibration": "How often the model is right when it is so confident. Points on the diagonal mean that its "
    "confidence can be read as a probability; larger points stand for more samples.",
    "learning_curve": "How the training went, epoch by epoch, and which epoch was kept.",
}
# What `dvc plots` draws.
COMPARED = (
    Compared(
        "true over false positives, macro average", "roc_averages.csv", "false_positive_rate", "true_positive_rate", "macro"
    ),
    Compared("precision over recall, macro average", "precision_recall_averages.csv", "recall", "precision", "macro"),
    Compared("share correct over confidence", "calibration.csv", "confidence", "correct"),
)

MISTAKES = CONFIDENT


def complete(predictions: pl.DataFrame, fitted: dict[str, Any]) -> pl.DataFrame:
    """Add nothing: an answer says itself how sure it is."""
    return predictions


def measured(predictions: pl.DataFrame, fitted: dict[str, Any]) -> Measure:
    """Return what gives each metric for any weights of these samples, so that two models are measured on the same resamples."""
    return functools.partial(measure, read_answers(predictions, fitted["classes"]))


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
    roc, precise = (values[0] for values in areas_per_class(answers, np.ones((1, len(predictions)))))
    averages = len(answers.classes) > 2  # two classes have one curve, seen from both sides
    drawn = {
        "confusion_matrix": confusion_figures.confusion_matrix(answers),
        "confusion_shares": confusion_figures.confusion_shares(answers),
        "roc_curve": ranking_figures.roc_curve(answers, roc, averages=averages),
        "precision_recall": ranking_figures.precision_recall(answers, precise, averages=averages),
        "calibration": classes_figures.calibration(answers.confidence, answers.correct),
    }
    index = _positive(answers, fitted)
    if index is not None:
        share, positive = float(answers.inside(index).mean()), answers.classes[index]
        drawn["cumulative_gain"] = classes_figures.cumulative_gain(_gains(answers, index), share, positive)
    return drawn


def curves(predictions: pl.DataFrame, fitted: dict[str, Any]) -> dict[str, pl.DataFrame]:
    """Return the data behind the figures by their file name."""
    answers = read_answers(predictions, fitted["classes"])
    index = _positive(answers, fitted)
    return {
        "confusion_matrix.csv": classes_curves.confusion_matrix(answers),
        "roc_curve.csv": ranking_curves.roc_curve(answers),
        "roc_averages.csv": ranking_curves.roc_averages(answers),
        "precision_recall.csv": ranking_curves.precision_recall(answers),
        "precision_recall_averages.csv": ranking_curves.precision_recall_averages(answers),
        "calibration.csv": classes_curves.calibration(answers.confidence, answers.correct),
        **({} if index is None else {"cumulative_gain.csv": _gains(answers, index)}),
    }


def _positive(answers: Answers, fitted: dict[str, Any]) -> int | None:
    """Return the index of the positive one of two classes, the second by default; None where no test sample has it."""
    index = answers.classes.index(fitted.get("positive", answers.classes[1]))
    return index if len(answers.classes) == 2 and answers.inside(index).any() else None


def _gains(answers: Answers, index: int) -> pl.DataFrame:
    return classes_curves.gains(answers.inside(index), answers.probabilities[:, index])


def sentence(found: dict[str, Any], predictions: pl.DataFrame) -> str:
    """Say in plain words what the metrics of these test predictions mean."""
    num_samples, errors = len(predictions), wrong(predictions)
    start = f"Of {num_samples:,} test samples that the model had never seen, it answers {num_samples - len(errors):,} correctly"
    if not len(errors):
        # The bootstrap cannot see a mistake that did not happen; the rule of three can (Hanley and Lippman-Hand 1983).
        return f"{start}. Among so few, that still leaves room for {percent(min(1, 3 / num_samples))} of mistakes on new ones."
    value, low, high = (percent(found["accuracy"][key]) for key in ("value", "low", "high"))
    return (
        f"{start}. That is {value}; for new samples like these expect between {low} and {high}. {_commonest(errors)} "
        f"Its confidence is off by {100 * found['ece']['value']:.1f} percentage points on average."
    )


def _commonest(errors: pl.DataFrame) -> str:
    target, prediction, count, _ = pairs(errors).row(0)
    which = "only mistake" if len(errors) == 1 else f"commonest mistake ({count:,} of {len(errors):,})"
    return f"Its {which} is to take “{target}” for “{prediction}”."
