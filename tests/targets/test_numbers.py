"""A number as a target: how it is read, scaled for the network, and told to a person."""

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from pydantic import ValidationError
from scipy.stats import skew

from dl_assets.errors import ConfigError, DataError
from dl_assets.registry import options_of
from dl_assets.targets import numbers

LINEAR = {"scale": "linear", "mean": 10.0, "std": 2.0, "low": 6.0, "high": 14.0, "deviation": 2.0}
LOG = {"scale": "log", "mean": 0.0, "std": 1.0, "low": 0.1, "high": 10.0, "deviation": 3.0}


def texts(values: Any) -> pl.Series:
    return pl.Series([repr(float(value)) for value in values], dtype=pl.String)


def names(targets: list[str | None]) -> list[str]:
    return numbers.strata(pl.Series(targets, dtype=pl.String)).explode().to_list()


def test_a_target_is_scaled_to_mean_0_and_deviation_1_and_comes_back() -> None:
    targets = texts([3, 5, 10, 20])
    fitted = numbers.fit(targets)
    encoded = numbers.encode(targets, fitted)
    assert encoded.shape == (4, numbers.num_outputs(fitted)) and encoded.dtype == np.float32
    assert (encoded.mean(), encoded.std()) == pytest.approx((0, 1), abs=1e-6)
    assert numbers.activation(fitted)(torch.from_numpy(encoded))[:, 0].tolist() == pytest.approx([3, 5, 10, 20])


def test_a_long_tail_is_learnt_by_its_logarithm_and_comes_back() -> None:
    values = np.exp(np.random.default_rng(0).normal(8, 1.5, 500))
    fitted = numbers.fit(texts(values))
    assert fitted["scale"] == "log" and fitted["mean"] == pytest.approx(np.log(values).mean())
    back = numbers.activation(fitted)(torch.from_numpy(numbers.encode(texts(values), fitted)))
    assert back[:, 0].numpy() == pytest.approx(values, rel=1e-4)


@pytest.mark.parametrize("values", [[-1.0, 1, 2, 1000], [0.0, 1, 2, 1000], list(range(1, 100))], ids=["below 0", "0", "even"])
def test_what_has_no_logarithm_or_no_long_tail_stays_as_it_is(values: list[float]) -> None:
    assert numbers.fit(texts(values))["scale"] == "linear"


def test_the_scale_that_is_chosen_is_the_less_skewed_one() -> None:
    values = 1000 - np.exp(np.random.default_rng(0).normal(3, 1, 200)).clip(max=900)  # its tail is below
    assert abs(skew(values)) > 1.5 and abs(skew(np.log(values))) > abs(skew(values))
    assert numbers.fit(texts(values))["scale"] == "linear"


def test_the_scale_may_be_said_and_a_logarithm_of_0_is_refused() -> None:
    assert numbers.fit(texts([1, 2, 3]), target_scale="log")["scale"] == "log"
    assert numbers.fit(texts([1, 1, 1, 900]), target_scale="linear")["scale"] == "linear"
    with pytest.raises(DataError, match=r"0 in 1 samples .*target_scale: linear"):
        numbers.fit(texts([0, 2, 3]), target_scale="log")
    with pytest.raises(ValidationError):
        options_of(numbers.fit)(target_scale="square")


@pytest.mark.parametrize("targets", [["5", "5.0", " 5"], []])
def test_one_value_cannot_be_learnt(targets: list[str]) -> None:
    with pytest.raises(DataError, match="a target with one value"):
        numbers.fit(pl.Series(targets, dtype=pl.String))


def test_what_is_no_number_is_named_and_counted() -> None:
    with pytest.raises(DataError, match=r"2 of 4 targets are no finite number, such as 'abc'.*clean.labels"):
        numbers.fit(pl.Series(["1", "abc", "2", "nan"]))
    with pytest.raises(DataError, match="such as one is missing"):
        numbers.encode(pl.Series(["1", None]), LINEAR)


@pytest.mark.parametrize("text", ["abc", "", "1,5", "1 000", "inf", "-Infinity", "nan", "1e999", "0x10", "12 %"])
def test_what_is_no_finite_number_has_a_problem(text: str) -> None:
    assert repr(text)[1:-1] in numbers.problem_of(pl.Series([text])).item()


def test_what_is_a_number_or_missing_has_none() -> None:
    found = numbers.problem_of(pl.Series(["1", " -2.5 ", "+3e-4", ".5", None]))
    assert found.dtype == pl.String and found.null_count() == 5


def test_a_target_of_val_that_has_no_logarithm_is_held_against_the_least_that_is_answered() -> None:
    assert numbers.encode(texts([0, -5, 1]), LOG)[:, 0].tolist() == pytest.approx([math.log(0.01), math.log(0.01), 0])


def test_an_answer_is_never_infinite() -> None:
    answers = numbers.activation(LOG)(torch.tensor([[1e4], [-1e4], [0.0]]))
    assert answers[:, 0].tolist() == pytest.approx([100, 0.01, 1])


def test_ranges_hold_about_as_many_samples_each() -> None:
    found = pl.Series(names([str(value) for value in range(1000)])).value_counts()
    assert found["count"].to_list() == [100] * 10


def test_few_samples_have_few_ranges() -> None:
    assert names([str(value) for value in range(30)]) == ["0 to 9"] * 10 + ["10 to 19"] * 10 + ["20 to 29"] * 10
    assert names(["1", "2", "3"]) == ["1", "2 to 3", "2 to 3"]


@pytest.mark.parametrize("ones", [1, 5, 9, 50, 99])
def test_equal_targets_are_in_one_range_and_two_different_ones_in_two(ones: int) -> None:
    found = pl.DataFrame({"target": ["1"] * ones + ["0"] * (100 - ones)}).with_columns(
        range=numbers.strata(pl.Series(["1"] * ones + ["0"] * (100 - ones))).explode()
    )
    assert dict(found.unique().rows()) == {"1": "1", "0": "0"}


def test_ranges_do_not_depend_on_the_order_and_have_names_of_their_own() -> None:
    values = [str(1 + index * 1e-9) for index in range(40)]
    shuffled = np.random.default_rng(0).permutation(40)
    found = names(values)
    assert len(set(found)) == 4
    assert names([values[index] for index in shuffled]) == [found[index] for index in shuffled]


def test_what_is_no_number_has_a_range_of_its_own() -> None:
    assert names(["abc", None, "1", "2"]) == ["no number", "no number", "1", "2"]
    assert names([]) == []


def test_class_weights_are_refused_with_what_to_write_instead() -> None:
    with pytest.raises(ConfigError, match="sampling: balanced"):
        numbers.class_weights(texts([1, 2]), LINEAR)


def test_every_range_of_equal_width_is_drawn_as_often() -> None:
    targets = texts([0.0] * 90 + [1.5] * 9 + [10.0])
    weights = numbers.sample_weights(targets, numbers.fit(targets, target_scale="linear"))
    assert [weights[:90].sum(), weights[90:99].sum(), weights[99]] == pytest.approx([100 / 3] * 3, rel=1e-5)


def test_the_score_is_r2_by_the_variance_of_the_train_part() -> None:
    assert numbers.score(torch.tensor([[0.5], [-1.0]]), torch.tensor([[1.0], [-1.0]]))["r2"].item() == pytest.approx(0.875)


def test_answers_agree_where_they_differ_by_less_than_a_thousandth_of_a_deviation() -> None:
    expected = np.array([[10.0], [10.0], [10.0], [10.0]], dtype=np.float32)
    found = np.array([[10.0], [10.001], [10.004], [np.nan]], dtype=np.float32)
    assert numbers.agreement(expected[:3], found[:3], LINEAR) == pytest.approx((0.002, 2 / 3), rel=1e-3)
    assert numbers.agreement(expected, found, LINEAR) == (1.0, 0.5)


def test_a_prediction_is_a_number_of_64_bits() -> None:
    table = numbers.predictions(np.array([[1.5], [2.5]], dtype=np.float32), LINEAR)
    assert table.to_dict(as_series=False) == {"prediction": [1.5, 2.5]} and table.schema["prediction"] == pl.Float64
    assert numbers.predictions(np.zeros((0, 0), dtype=np.float32), LINEAR).height == 0


def told(values: Any) -> str:
    (check,) = numbers.checks(texts(values))
    assert check.name == "target_values" and check.passed == (not check.detail)
    return check.detail


def test_targets_without_a_slip_pass_also_where_they_have_a_long_tail() -> None:
    rng = np.random.default_rng(0)
    assert told(rng.normal(size=500)) == told(np.exp(rng.normal(0, 2, 500))) == told([1, 2, 3]) == ""


def test_one_value_is_an_error_before_anything_is_trained() -> None:
    (check,) = numbers.checks(pl.Series(["7", "7.0"]))
    assert not check.passed and check.severity == "error" and "the target 7" in check.detail


def test_few_values_a_cap_and_a_lonely_value_are_warned_of() -> None:
    values = np.random.default_rng(0).normal(size=300)
    assert "only 3 different targets" in told([1, 2, 3] * 20)
    assert "25 % of all targets are 1.5, the largest" in told([*np.minimum(values, 1)[:225], *[1.5] * 75])
    assert "1 target is far from all others, such as -999 " in told([*values, -999])
