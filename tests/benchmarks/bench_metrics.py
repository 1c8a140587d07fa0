"""Intervals of all metrics: all resamples at once against a loop over scikit-learn."""

import numpy as np
import polars as pl
from benchmarks.side_by_side import cpu_seconds, show
from sklearn import metrics as reference

from dl_assets.evaluation import classes as evaluation

CLASSES = [f"class{index}" for index in range(10)]
SAMPLES = 1_000
RESAMPLES = 1_000
LOOPED = 20  # as many as scikit-learn has time for; its seconds are scaled to RESAMPLES


def made_up() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(17)
    target = rng.integers(0, len(CLASSES), SAMPLES)
    probabilities = rng.dirichlet(np.ones(len(CLASSES)), SAMPLES) + 0.5 * np.eye(len(CLASSES))[target]
    return target, probabilities / probabilities.sum(axis=1, keepdims=True)


def loop_over_scikit_learn(target: np.ndarray, probabilities: np.ndarray) -> None:
    rng, labels = np.random.default_rng(17), np.arange(len(CLASSES))
    for _ in range(LOOPED):
        drawn = rng.integers(0, SAMPLES, SAMPLES)
        true, scores = target[drawn], probabilities[drawn]
        found = scores.argmax(axis=1)
        reference.accuracy_score(true, found)
        reference.balanced_accuracy_score(true, found)
        for average in ("macro", None):
            reference.precision_recall_fscore_support(true, found, average=average, labels=labels, zero_division=0)
            reference.roc_auc_score(true, scores, multi_class="ovr", average=average, labels=labels)
        reference.log_loss(true, scores, labels=labels)


def test_all_metrics_with_their_intervals() -> None:
    target, probabilities = made_up()
    predictions = pl.DataFrame(
        {
            "id": [str(index) for index in range(SAMPLES)],
            "target": [CLASSES[index] for index in target],
            "prediction": [CLASSES[index] for index in probabilities.argmax(axis=1)],
            **{f"probability_{name}": probabilities[:, index] for index, name in enumerate(CLASSES)},
        }
    )
    seconds = cpu_seconds(
        {
            "ours": lambda: evaluation.metrics(predictions, {"classes": CLASSES}, bootstrap_samples=RESAMPLES, seed=17),
            "a loop over scikit-learn": lambda: loop_over_scikit_learn(target, probabilities),
        },
    )
    seconds["a loop over scikit-learn"] *= RESAMPLES / LOOPED
    show(
        f"Metrics of {SAMPLES:,} samples and {len(CLASSES)} classes, {RESAMPLES:,} resamples",
        seconds,
        count=RESAMPLES,
        unit="resample",
    )
