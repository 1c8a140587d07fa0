"""The tables behind the figures."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn import metrics as reference

from dl_assets.evaluation import classes
from dl_assets.evaluation.classes_curves import roc_points

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
    assert found.row(1) == ("cat", "dog", wanted[0, 1])
