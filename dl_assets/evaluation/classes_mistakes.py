"""The wrong answers of a classifier: which classes it takes for which, and where the target itself is likely wrong."""

from typing import Any

import numpy as np
import polars as pl

from dl_assets.evaluation.classes_scores import Answers, read_answers
from dl_assets.evaluation.gallery import Gallery
from dl_assets.evaluation.headline import percent
from dl_assets.evaluation.label_errors import find_label_errors
from dl_assets.evaluation.panel import Panel

MAX_PAIRS, MAX_GALLERIES, MAX_PICTURES = 15, 6, 6
_PROBABILITY = "probability_"


def wrong(predictions: pl.DataFrame) -> pl.DataFrame:
    """Return the wrong answers, most confident first; ties in the order of their id."""
    found = predictions.filter(pl.col("target") != pl.col("prediction"))
    return found.sort("confidence", "id", descending=[True, False])


def mistakes(predictions: pl.DataFrame) -> pl.DataFrame:
    """Return the wrong answers, most confident first, with what helps to judge them.

    `target_probability` and `target_rank` (1: the likeliest) tell how near the target was, `likely_class` what the sample is
    if its target is likely wrong, else null.
    """
    classes = [name.removeprefix(_PROBABILITY) for name in predictions.columns if name.startswith(_PROBABILITY)]
    answers = read_answers(predictions, classes)
    right = answers.probabilities[np.arange(len(predictions)), answers.target]
    annotated = predictions.with_columns(
        target_probability=pl.Series(right),
        target_rank=pl.Series((answers.probabilities > right[:, None]).sum(axis=1) + 1),
        likely_class=_likely(answers),
    )
    return wrong(annotated)


def _likely(answers: Answers) -> pl.Series:
    """Return the class of each sample whose target is likely wrong, and null of others."""
    if not len(answers.target):
        return pl.Series(dtype=pl.String)
    found = find_label_errors(answers.probabilities, answers.target).likely
    found = np.where(found == answers.target, -1, found)
    return pl.Series([None if index < 0 else answers.classes[index] for index in found], dtype=pl.String)


def panels(predictions: pl.DataFrame, fitted: dict[str, Any]) -> list[Panel]:
    """Tell which classes are most often taken for which, in val and test."""
    confused = pairs(wrong(predictions))
    if confused.is_empty():
        return []
    support = dict(predictions["target"].value_counts().iter_rows())
    return [
        Panel(
            title="Most confused pairs",
            note=f"{min(len(confused), MAX_PAIRS)} of {len(confused):,} pairs of classes that are confused in val and test.",
            columns=["target", "taken for", "samples", "of this target", "mean confidence"],
            rows=[
                [f"“{target}”", f"“{prediction}”", f"{count:,}", percent(count / support[target]), percent(confidence)]
                for target, prediction, count, confidence in confused.head(MAX_PAIRS).iter_rows()
            ],
        )
    ]


def pairs(errors: pl.DataFrame) -> pl.DataFrame:
    """Return target, prediction, how many samples and their mean confidence, commonest first."""
    counted = errors.group_by("target", "prediction").agg(pl.len(), pl.mean("confidence"))
    return counted.sort("len", "target", "prediction", descending=[True, False, False])


def galleries(errors: pl.DataFrame, predictions: pl.DataFrame) -> list[Gallery]:
    """Return likely wrong targets, and the most confident mistakes of the commonest pairs, of what `mistakes` returns."""
    return [*_wrong_targets(errors, predictions), *_ofpairs(errors)]


def _wrong_targets(errors: pl.DataFrame, predictions: pl.DataFrame) -> list[Gallery]:
    suspects = errors.filter(pl.col("likely_class") == pl.col("prediction"))
    if suspects.is_empty():
        return []
    margin = pl.col("confidence") - pl.col("target_probability")
    return [
        Gallery(
            title="Targets that are likely wrong",
            note=f"{len(suspects):,} of {len(predictions):,} samples of val and test are more confidently of another class "
            "than samples of that class are on average; the surest come first. Look at them before trusting the metrics: all "
            "have a likely_class in errors.parquet. A model that is wrong in one way again and again looks just like this.",
            mistakes=suspects.sort(margin, "id", descending=[True, False]).head(2 * MAX_PICTURES),
        )
    ]


def _ofpairs(errors: pl.DataFrame) -> list[Gallery]:
    return [
        Gallery(
            title=f"“{target}” taken for “{prediction}”",
            note=f"The most confident of {count:,}.",
            mistakes=errors.filter(target=target, prediction=prediction).head(MAX_PICTURES),
            only_pictures=True,
        )
        for target, prediction, count, _ in pairs(errors).head(MAX_GALLERIES).iter_rows()
    ]
