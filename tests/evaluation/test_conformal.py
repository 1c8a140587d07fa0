"""Conformal intervals hold what they promise, on the scale that was learnt."""

import math

import numpy as np
import polars as pl
import pytest

from dl_assets.evaluation.conformal import quantile, with_intervals

LINEAR, LOG = {"scale": "linear"}, {"scale": "log"}


def answers(target: np.ndarray, prediction: np.ndarray, num_val: int) -> pl.DataFrame:
    parts = ["val"] * num_val + ["test"] * (len(target) - num_val)
    return pl.DataFrame({"part": parts, "target": [repr(float(value)) for value in target], "prediction": prediction})


def coverage(predictions: pl.DataFrame) -> float:
    test = predictions.filter(part="test").with_columns(pl.col("target").cast(pl.Float64))
    return float(test["target"].is_between(test["low"], test["high"]).mean())


def test_the_quantile_is_the_error_of_the_rank_that_a_new_one_would_reach() -> None:
    errors = np.arange(1.0, 20.0)  # 19 of them: rank 20 * 0.9 = 18
    assert quantile(errors[::-1], 0.9) == 18
    assert quantile(errors, 0.95) == 19
    assert math.isinf(quantile(errors, 0.96)) and math.isinf(quantile(np.array([]), 0.9))


def test_an_interval_is_as_wide_as_the_errors_of_val_whatever_those_of_test() -> None:
    found = with_intervals(answers(np.r_[np.arange(1.0, 10), 0.0], np.r_[np.zeros(9), 5.0], 9), LINEAR)
    assert found.select("low", "high").row(-1) == (-4.0, 14.0)


def test_by_the_logarithm_an_interval_is_wider_where_the_answer_is_larger() -> None:
    found = with_intervals(answers(np.full(11, 2.0), np.r_[np.ones(9), 1.0, 100.0], 9), LOG)
    assert found.select("low", "high").tail(2).to_numpy() == pytest.approx(np.array([[0.5, 2.0], [50.0, 200.0]]))


def test_fewer_than_nine_samples_of_val_say_nothing() -> None:
    found = with_intervals(answers(np.ones(10), np.zeros(10), 8), LINEAR)
    assert found["low"].null_count() == found["high"].null_count() == 10
    assert found.schema["low"] == found.schema["high"] == pl.Float64


def test_a_target_of_val_without_a_logarithm_counts_as_infinitely_far() -> None:
    target = np.r_[np.full(8, 2.0), 0.0, 1.0]
    assert with_intervals(answers(target, np.ones(10), 9), LOG)["high"].null_count() == 10


@pytest.mark.parametrize("num_val", [9, 50, 300])
@pytest.mark.parametrize("scale", [LINEAR, LOG], ids=["linear", "log"])
def test_nine_of_ten_new_targets_are_inside_on_average(num_val: int, scale: dict[str, str]) -> None:
    """Of exchangeable samples the chance is between 0.9 and 0.9 + 1 / (n + 1): Lei et al. 2018, theorem 2.2."""
    rng = np.random.default_rng(17)
    covered = []
    for _ in range(200):
        prediction = np.exp(rng.normal(size=num_val + 100))
        covered.append(
            coverage(with_intervals(answers(prediction * np.exp(rng.standard_t(3, num_val + 100)), prediction, num_val), scale))
        )
    assert 0.9 - 0.012 < np.mean(covered) < 0.9 + 1 / (num_val + 1) + 0.012
