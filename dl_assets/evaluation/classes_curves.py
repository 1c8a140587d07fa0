"""The numbers behind the figures of a classifier, as tables for `dvc plots` and people; curves are in a file of their own."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.evaluation.classes_scores import NUM_BINS, Answers, confidence_bins
from dl_assets.evaluation.ranking_curves import evenly


def confusion_matrix(answers: Answers) -> pl.DataFrame:
    """Return how many samples of each target got each prediction, zeros included, and which share of the target's they are."""
    counts = confusion_counts(answers)
    size = len(answers.classes)
    return pl.DataFrame(
        {
            "target": np.repeat(answers.classes, size).tolist(),
            "prediction": answers.classes * size,
            "count": counts.ravel(),
            "share": shares_of(counts).ravel(),
        }
    )


def confusion_counts(answers: Answers) -> NDArray[np.int64]:
    """Return [C, C] counts: row is the target, column the prediction."""
    size = len(answers.classes)
    return np.bincount(answers.target * size + answers.prediction, minlength=size * size).reshape(size, size)


def shares_of(counts: NDArray[np.int64]) -> Floats:
    """Return which share of its row each count is, [C, C]; 0 where the row is empty."""
    shares: Floats = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return shares


def calibration(confidence: Floats, correct: NDArray[np.bool_]) -> pl.DataFrame:
    """Return of each bin that holds answers [N] its mean confidence, which share is correct, and how many there are.

    Bins are those of the calibration error (Guo et al. 2017).
    """
    bins = confidence_bins(confidence)
    counts = np.bincount(bins, minlength=NUM_BINS)
    filled = counts > 0
    means = {
        name: np.bincount(bins, weights=values, minlength=NUM_BINS)[filled] / counts[filled]
        for name, values in {"confidence": confidence, "correct": correct}.items()
    }
    return pl.DataFrame({**means, "count": counts[filled], "bin": np.flatnonzero(filled)})


def gains(inside: NDArray[np.bool_], scores: Floats) -> pl.DataFrame:
    """Return how many of a class are found when the samples [N] that score highest are taken: gain and lift by taken share.

    Samples that score alike are taken together. Lift is how many times as many are found as by taking at random.
    """
    order = np.argsort(-scores, kind="stable")
    last_of_ties = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    taken = (last_of_ties + 1) / len(scores)
    gain = np.cumsum(inside[order])[last_of_ties] / inside.sum()
    kept = evenly(taken)
    columns = {"taken": taken, "gain": gain, "lift": gain / taken, "threshold": scores[order][last_of_ties]}
    return pl.DataFrame({name: values[kept] for name, values in columns.items()})
