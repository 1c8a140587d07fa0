"""Mean, spread and interval over folds, against scipy and by hand."""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from dl_assets.operations.crossval.summary import estimate, summarise

VALUES = [0.90, 0.94, 0.92, 0.97, 0.88]


def fold(**metrics: Any) -> dict[str, Any]:
    return {"counts": {"train": 60, "val": 20, "measured": 20}, "metrics": {"support": 20.0, "classes": {}, **metrics}}


def test_mean_and_spread_are_those_of_the_values() -> None:
    found = estimate(VALUES, ratio=0.5)
    assert found["mean"] == pytest.approx(0.922)
    assert found["spread"] == pytest.approx(0.0349284983931)  # (22² + 18² + 2² + 48² + 42²) / 4 = 1220, its root in thousandths
    assert (found["lowest"], found["highest"], found["folds"]) == (0.88, 0.97, 5)


def test_without_a_correction_the_interval_is_student_s_t_of_the_mean() -> None:
    found = estimate(VALUES, ratio=0.0)
    expected = stats.t.interval(0.95, 4, np.mean(VALUES), stats.sem(VALUES))
    assert (found["low"], found["high"]) == pytest.approx(expected)


def test_the_correction_of_nadeau_and_bengio_widens_the_variance_by_measured_over_trained() -> None:
    found = estimate(VALUES, ratio=20 / 60)
    scale = np.std(VALUES, ddof=1) * np.sqrt(1 / 5 + 20 / 60)
    assert (found["low"], found["high"]) == pytest.approx(stats.t.interval(0.95, 4, np.mean(VALUES), scale))


def test_one_value_has_no_spread_and_no_interval() -> None:
    assert estimate([0.5], ratio=0.3) == {"mean": 0.5, "lowest": 0.5, "highest": 0.5, "folds": 1}


def test_the_ratio_is_that_of_the_folds_and_the_number_of_samples_is_no_metric() -> None:
    found = summarise([fold(accuracy=0.9), fold(accuracy=0.8)])
    assert found == {"accuracy": estimate([0.9, 0.8], ratio=20 / 60), "classes": {}}


def test_a_metric_that_is_undefined_in_a_fold_is_estimated_from_the_others() -> None:
    classes = ({"value": {"recall": 0.5}}, {"value": {}}, {"value": {"recall": 0.7}})
    found = summarise([fold(roc_auc=0.9, classes=classes[0]), fold(classes=classes[1]), fold(roc_auc=0.7, classes=classes[2])])
    assert found["roc_auc"]["folds"] == 2
    assert found["classes"]["value"]["recall"] == estimate([0.5, 0.7], ratio=20 / 60)
