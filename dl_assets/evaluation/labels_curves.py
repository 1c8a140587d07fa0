"""The numbers behind the figures of a model that gives any number of labels; curves are those of `ranking_curves`."""

import polars as pl

from dl_assets.evaluation.labels_scores import LabelAnswers


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
