"""The tables behind the figures."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn import metrics as reference
from sklearn.calibration import calibration_curve
from sklearn.preprocessing import label_binarize

from dl_assets.evaluation import classes, classes_curves, ranking_curves
from dl_assets.evaluation.classes_scores import read_answers
from dl_assets.evaluation.ranking_curves import (
    GRID,
    flattened,
    macro_precision,
    macro_roc,
    precision_recall_points,
    roc_points,
)

NAMES = ["cat", "dog", "fish"]


def test_the_roc_curve_is_that_of_scikit_learn(make: Any) -> None:
    predictions = make(200, NAMES)
    inside, scores = (predictions["target"] == "dog").to_numpy(), predictions["probability_dog"].to_numpy()
    wanted = reference.roc_curve(inside, scores, drop_intermediate=False)
    for found, column in zip(roc_points(inside, scores), wanted, strict=True):
        np.testing.assert_allclose(found[1:], column[1:])  # the first threshold is infinite there, and none here


def test_a_thinned_roc_curve_keeps_its_ends_and_its_area(make: Any) -> None:
    predictions = make(5000, NAMES)
    curve = classes.curves(predictions, {"classes": NAMES})["roc_curve.csv"].filter(pl.col("class") == "cat")
    x, y = curve["false_positive_rate"].to_numpy(), curve["true_positive_rate"].to_numpy()
    assert curve.height <= 200
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    assert reference.auc(x, y) == pytest.approx(
        reference.roc_auc_score(predictions["target"] == "cat", predictions["probability_cat"]), abs=0.005
    )


def test_a_class_without_samples_has_no_roc_curve(make: Any) -> None:
    curve = classes.curves(make(50, NAMES, without="fish"), {"classes": NAMES})["roc_curve.csv"]
    assert set(curve["class"]) == {"cat", "dog"}


def test_the_confusion_matrix_is_that_of_scikit_learn(make: Any) -> None:
    predictions = make(200, NAMES)
    found = classes.curves(predictions, {"classes": NAMES})["confusion_matrix.csv"]
    wanted = reference.confusion_matrix(predictions["target"], predictions["prediction"], labels=NAMES)
    assert found["count"].to_list() == wanted.ravel().tolist()
    shares = reference.confusion_matrix(predictions["target"], predictions["prediction"], labels=NAMES, normalize="true")
    assert found["share"].to_list() == pytest.approx(shares.ravel().tolist())
    assert found.row(1)[:3] == ("cat", "dog", wanted[0, 1])


def test_the_precision_recall_curve_is_that_of_scikit_learn(make: Any) -> None:
    predictions = make(200, NAMES)
    inside, scores = (predictions["target"] == "dog").to_numpy(), predictions["probability_dog"].to_numpy()
    precision, recall, threshold = reference.precision_recall_curve(inside, scores)
    found = precision_recall_points(inside, scores)
    for ours, column in zip(found, (recall[:-1], precision[:-1], threshold), strict=True):
        np.testing.assert_allclose(ours, column[::-1])


def test_the_micro_average_is_the_curve_of_all_classes_as_one(make: Any) -> None:
    answers = read_answers(make(200, NAMES), NAMES)
    inside, scores = flattened(answers)
    wanted = label_binarize(answers.target, classes=[0, 1, 2])
    assert reference.roc_auc_score(inside, scores) == reference.roc_auc_score(wanted, answers.probabilities, average="micro")
    curve = ranking_curves.roc_averages(answers).filter(average="micro")
    area = reference.auc(curve["false_positive_rate"], curve["true_positive_rate"])
    assert area == pytest.approx(reference.roc_auc_score(inside, scores), abs=0.005)


def test_the_macro_averages_have_the_mean_area(make: Any) -> None:
    answers = read_answers(make(2000, NAMES), NAMES)
    wanted = label_binarize(answers.target, classes=[0, 1, 2])
    drawn = np.arange(3)
    area = reference.auc(GRID, macro_roc(answers, drawn))
    assert area == pytest.approx(reference.roc_auc_score(wanted, answers.probabilities, average="macro"), abs=0.002)
    precise = reference.average_precision_score(wanted, answers.probabilities, average="macro")
    assert macro_precision(answers, drawn).mean() == pytest.approx(precise, abs=0.002)


def test_the_calibration_curve_is_that_of_scikit_learn(make: Any) -> None:
    answers = read_answers(make(400, NAMES), NAMES)
    found = classes.curves(make(400, NAMES), {"classes": NAMES})["calibration.csv"]
    right, mean = calibration_curve(answers.correct, answers.confidence, n_bins=15)
    np.testing.assert_allclose(found["correct"], right)
    np.testing.assert_allclose(found["confidence"], mean)


def test_gain_and_lift_are_those_counted_by_hand() -> None:
    inside, scores = np.array([True, False, True, False]), np.array([0.9, 0.8, 0.8, 0.1])
    found = classes_curves.gains(inside, scores)
    assert found["taken"].to_list() == [0.25, 0.75, 1.0]  # those of 0.8 are taken together
    assert found["gain"].to_list() == [0.5, 1.0, 1.0]
    assert found["lift"].to_list() == pytest.approx([2.0, 4 / 3, 1.0])
