"""Targets that are likely wrong: by hand, against cleanlab, and with wrong ones planted."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from dl_assets.evaluation import classes
from dl_assets.evaluation.label_errors import find_label_errors

NAMES = ["cat", "dog", "fish"]
# Mean confidence of the cats in cat: 0.7; of the dogs in dog: 0.6.
PROBABILITIES = np.array([[0.9, 0.1], [0.8, 0.2], [0.4, 0.6], [0.1, 0.9], [0.3, 0.7], [0.8, 0.2]])
TARGET = np.array([0, 0, 0, 1, 1, 1])


def as_predictions(probabilities: np.ndarray, target: np.ndarray) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": [f"{index:04d}" for index in range(len(target))],
            "part": ["test"] * len(target),
            "target": [NAMES[index] for index in target],
            "prediction": [NAMES[index] for index in probabilities.argmax(axis=1)],
            "confidence": probabilities.max(axis=1),
            **{f"probability_{name}": probabilities[:, index] for index, name in enumerate(NAMES)},
        }
    )


def test_the_joint_is_the_one_counted_by_hand() -> None:
    found = find_label_errors(PROBABILITIES, TARGET)
    # Two cats are confidently cats, the third (0.6) confidently a dog; two dogs are, the third (0.8) is a cat.
    assert found.likely.tolist() == [0, 0, 1, 1, 1, 0]
    assert found.joint == pytest.approx(np.array([[2, 1], [1, 2]]) / 6)
    assert found.expected == pytest.approx(1 / 3)


def test_each_target_keeps_its_share_though_some_samples_are_confidently_nothing() -> None:
    probabilities = np.array([[0.9, 0.1], [0.55, 0.45], [0.52, 0.48], [0.05, 0.95]])
    found = find_label_errors(probabilities, np.array([0, 0, 0, 1]))
    assert found.likely.tolist() == [0, -1, -1, 1]
    assert found.joint == pytest.approx(np.diag([0.75, 0.25]))


def test_the_counts_are_those_of_cleanlab() -> None:
    # Of more than two classes cleanlab may count a sample for one of which it is not confident; the paper does not.
    count = pytest.importorskip("cleanlab.count", reason="the extra `quality` is not installed")
    rng = np.random.default_rng(3)
    target = rng.integers(0, 2, 300)
    probabilities = rng.dirichlet([1, 1], 300) + 1.2 * np.eye(2)[target]
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    target = np.where(rng.random(300) < 0.1, 1 - target, target)
    counts = count.compute_confident_joint(target, probabilities, calibrate=False)
    wanted = counts / counts.sum(axis=1, keepdims=True) * np.bincount(target)[:, None] / 300
    assert find_label_errors(probabilities, target).joint == pytest.approx(wanted, abs=1e-9)


def test_a_class_without_samples_is_never_a_suspect() -> None:
    found = find_label_errors(np.tile([0.1, 0.2, 0.7], (4, 1)), np.array([0, 0, 1, 1]))
    assert 2 not in found.likely and found.joint.sum() == pytest.approx(1)


def test_planted_wrong_targets_are_found_and_hardly_any_right_one(make: Any) -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 600)
    logits = rng.normal(size=(600, 3)) + 7 * np.eye(3)[truth]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    planted = rng.choice(600, 30, replace=False)
    target = truth.copy()
    target[planted] = (truth[planted] + 1) % 3
    errors = classes.mistakes(as_predictions(probabilities, target))
    suspects = set(errors.filter(pl.col("likely_class") == pl.col("prediction"))["id"])
    hits = {f"{index:04d}" for index in planted} & suspects
    assert len(hits) >= 25 and len(suspects - hits) <= 5


def test_mistakes_tell_how_near_the_target_was() -> None:
    errors = classes.mistakes(as_predictions(np.array([[0.5, 0.2, 0.3], [0.2, 0.3, 0.5]]), np.array([1, 2])))
    assert errors.select("id", "target_probability", "target_rank").rows() == [("0000", 0.2, 3)]


def test_the_most_confused_pair_stands_first_in_the_table_and_in_the_galleries(make: Any) -> None:
    predictions = make(200, NAMES)
    errors = classes.mistakes(predictions)
    (panel,) = classes.panels(predictions, {"classes": NAMES})
    counts = errors.group_by("target", "prediction").len().sort("len", descending=True)
    assert int(panel.rows[0][2]) == counts["len"][0]
    galleries = [gallery for gallery in classes.galleries(errors, predictions) if gallery.only_pictures]
    first = galleries[0].mistakes
    assert [f"“{first[name][0]}”" for name in ("target", "prediction")] == panel.rows[0][:2]
    assert first["confidence"].is_sorted(descending=True) and len(first) <= 6


def test_without_mistakes_there_are_neither_pairs_nor_galleries(make: Any) -> None:
    predictions = make(50, NAMES)
    right = predictions.filter(pl.col("target") == pl.col("prediction"))
    assert classes.panels(right, {"classes": NAMES}) == []
    assert classes.galleries(classes.mistakes(right), right) == []
