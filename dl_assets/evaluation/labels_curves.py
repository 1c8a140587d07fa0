"""The numbers behind the figures of a model that gives any number of labels; ROC curves are those of `classes_curves`."""

import numpy as np
import polars as pl

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.evaluation.classes_curves import evenly
from dl_assets.evaluation.labels_scores import LabelAnswers, Truths

_SCHEMA = {"label": pl.String, "recall": pl.Float64, "precision": pl.Float64, "threshold": pl.Float64}


def precision_recall(answers: LabelAnswers) -> pl.DataFrame:
    """Return the precision-recall curve of each label that has samples, at most 200 points each."""
    frames = [
        _one_curve(name, answers.inside(index), answers.probabilities[:, index])
        for index, name in enumerate(answers.classes)
        if answers.inside(index).any()
    ]
    return pl.concat([pl.DataFrame(schema=_SCHEMA), *frames])


def precision_recall_points(inside: Truths, scores: Floats) -> tuple[Floats, Floats, Floats]:
    """Return recall, precision and threshold of every point, from the highest threshold to the lowest.

    One point per different score: samples that score alike are taken for the label together.
    """
    order = np.argsort(-scores, kind="stable")
    last_of_ties = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    hits = np.cumsum(inside[order])[last_of_ties]
    return hits / inside.sum(), hits / (last_of_ties + 1), scores[order][last_of_ties]


def outcomes(answers: LabelAnswers) -> pl.DataFrame:
    """Return of each label what became of it: found, missed, seen where it is not, and rightly not seen."""
    truth, prediction = answers.truth, answers.prediction
    counts = {
        "found": (truth & prediction).sum(axis=0),
        "missed": (truth & ~prediction).sum(axis=0),
        "wrongly_seen": (~truth & prediction).sum(axis=0),
        "rightly_not_seen": (~truth & ~prediction).sum(axis=0),
    }
    return pl.DataFrame({"label": answers.classes, **counts})


def _one_curve(name: str, inside: Truths, scores: Floats) -> pl.DataFrame:
    recall, precision, threshold = precision_recall_points(inside, scores)
    kept = evenly(recall + np.linspace(0, 1, len(recall)))  # recall stands still where only precision falls
    values = {"recall": recall[kept], "precision": precision[kept], "threshold": threshold[kept]}
    return pl.DataFrame({"label": [name] * len(kept), **values})
