"""The metrics of numbers against scikit-learn and against numbers worked out by hand."""

import json
import time
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn import metrics as reference

from dl_assets.evaluation import numbers
from dl_assets.evaluation.bootstrap import resamples
from dl_assets.evaluation.numbers_scores import measure, read_amounts

LINEAR = {"scale": "linear", "low": 0.5, "high": 4.0}


def answers(target: Any, prediction: Any, **columns: Any) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "id": [f"{index:04d}" for index in range(len(target))],
            "part": ["test"] * len(target),
            "target": [repr(float(value)) for value in target],
            "prediction": np.asarray(prediction, dtype=np.float64),
            **columns,
        }
    )


def drawn(num_samples: int, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    target = rng.normal(1000, 3, num_samples).round(1)  # some are equal, and all are far from 0
    return answers(target, target + rng.normal(0.5, 2, num_samples).round(1))


def measured(predictions: pl.DataFrame, **options: int) -> dict[str, Any]:
    return numbers.metrics(predictions, LINEAR, **{"bootstrap_samples": 200, "seed": 17, **options})


def expected(target: Any, prediction: Any) -> dict[str, float]:
    return {
        "r2": reference.r2_score(target, prediction),
        "rmse": reference.root_mean_squared_error(target, prediction),
        "mae": reference.mean_absolute_error(target, prediction),
        "medae": reference.median_absolute_error(target, prediction),
    }


@pytest.mark.parametrize("num_samples", [2, 7, 150])
def test_every_value_is_what_scikit_learn_says(num_samples: int) -> None:
    predictions = drawn(num_samples)
    wanted = expected(predictions["target"].cast(float).to_numpy(), predictions["prediction"].to_numpy())
    assert {name: measured(predictions)[name]["value"] for name in wanted} == pytest.approx(wanted)


def test_every_resample_is_measured_as_scikit_learn_would() -> None:
    amounts = read_amounts(drawn(24))
    weights = next(resamples(24, 20, seed=3))
    found = measure(amounts, weights)
    for row, counts in enumerate(weights.astype(int)):
        chosen = np.repeat(np.arange(24), counts)
        wanted = expected(amounts.target[chosen], amounts.prediction[chosen])
        assert {name: found[name][row] for name in wanted} == pytest.approx(wanted)


def test_the_metrics_of_four_answers_are_those_worked_out_by_hand() -> None:
    # Errors 1, 0, -2, -1; targets 1, 2, 3, 6 of mean 3, their squared differences from it 4 + 1 + 0 + 9.
    ends = {"low": [0.0, 1.0, 4.0, 4.0], "high": [2.0, 3.0, 6.0, 8.0]}
    found = measured(answers([1, 2, 3, 6], [0, 2, 5, 7], **ends))
    values = {name: entry["value"] for name, entry in found.items()}
    assert values == pytest.approx(
        {
            "r2": 1 - 6 / 14,
            "rmse": 1.5**0.5,
            "mae": 1.0,
            "medae": 1.0,
            "interval_coverage": 0.75,
            "interval_width": 2.5,
            "support": 4,
        }
    )


def test_every_interval_holds_its_value_and_the_same_seed_gives_the_same() -> None:
    predictions = drawn(60)
    found = measured(predictions)
    assert all(entry["low"] <= entry["value"] <= entry["high"] for entry in found.values())
    assert found == measured(predictions) != measured(predictions, seed=18)


def test_the_interval_of_the_mean_error_is_near_the_normal_approximation() -> None:
    predictions = drawn(400)
    errors = np.abs(read_amounts(predictions).residual)
    half = 1.96 * errors.std() / 20
    found = measured(predictions, bootstrap_samples=2000)["mae"]
    assert (found["low"], found["high"]) == pytest.approx((errors.mean() - half, errors.mean() + half), abs=0.02)


@pytest.mark.parametrize("target", [[5.0], [0.1, 0.1, 0.1]], ids=["one sample", "equal targets"])
def test_what_has_no_meaning_is_left_out(target: list[float]) -> None:
    found = measured(answers(target, np.arange(len(target)), low=None, high=None))
    assert list(found) == ["rmse", "mae", "medae", "support"]
    json.dumps(found, allow_nan=False)


def test_a_thousand_resamples_of_a_small_test_part_take_less_than_two_cpu_seconds() -> None:
    predictions = drawn(3000)
    started = time.process_time()
    measured(predictions, bootstrap_samples=1000)
    assert time.process_time() - started < 2


def test_mistakes_are_the_tenth_of_the_largest_errors_largest_first() -> None:
    prediction = np.zeros(20)
    prediction[[3, 7, 11]] = [1.0, -5.0, 2.0]
    found = numbers.mistakes(answers([0.0] * 20, prediction))
    assert found.select("id", "error").rows() == [("0007", 5.0), ("0011", -2.0)]
    assert numbers.mistakes(answers([1.0, 2.0], [1.0, 2.0])).is_empty()


def test_a_mistake_is_told_with_its_interval_where_there_is_one() -> None:
    cells = numbers.MISTAKES.cells
    mistake = {"target": "12345.6", "prediction": 2000.25, "error": 10345.35, "low": 1000.0, "high": 3000.0}
    assert [*cells(mistake).values()] == ["12,346", "2,000", "+10,345", "1,000 to 3,000"]
    assert [*cells({**mistake, "low": None, "high": None}).values()][-1] == "–"


def test_the_sentence_says_how_far_it_is_off_in_the_unit_of_the_target() -> None:
    predictions = answers([1, 2, 3, 6], [0, 2, 5, 7], low=[0.0, 1.0, 4.0, 4.0], high=[2.0, 3.0, 6.0, 8.0])
    text = numbers.sentence(measured(predictions), predictions).replace("\N{NO-BREAK SPACE}", " ")
    assert "For 4 test samples" in text and "off by 1 on average, and by no more than 1 for half of them" in text
    assert "the targets go from 1 to 6" in text and "(R² 0.571)" in text and "75.0 % of the targets are inside" in text


def test_a_model_that_is_worse_than_the_mean_is_said_to_be() -> None:
    predictions = answers([1, 2, 3], [3, 2, 1])
    assert "no better than always saying the mean (R² -3.000)" in numbers.sentence(measured(predictions), predictions)


@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("num_samples", [1, 120, 3000])
def test_everything_can_be_drawn_and_the_curves_have_its_data(num_samples: int, scale: str) -> None:
    rng = np.random.default_rng(0)
    target = np.exp(rng.normal(size=num_samples))
    predictions = answers(target, target * np.exp(rng.standard_t(2, num_samples)))
    fitted = {**LINEAR, "scale": scale}
    assert set(numbers.figures(predictions, fitted)) | {"learning_curve"} == set(numbers.CAPTIONS)
    curves = numbers.curves(predictions, fitted)
    assert len(curves["prediction_and_target.csv"]) == min(num_samples, 200)
    assert curves["residual_histogram.csv"]["count"].sum() == num_samples


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_answers_without_an_error_and_targets_without_a_logarithm_can_be_drawn(scale: str) -> None:
    fitted = {**LINEAR, "scale": scale}
    for predictions in (
        answers([2.0, 2.0], [2.0, 2.0]),
        answers([0.0, -1.0, 3.0], [1.0, 2.0, 3.0], low=[0.5, 1, 2], high=[2.0, 4, 6]),
        answers([0.0, -1.0], [1.0, 2.0]),
    ):
        figures = numbers.figures(predictions, fitted)
        assert set(figures) | {"learning_curve"} == set(numbers.CAPTIONS)
        for figure in figures.values():
            assert figure.axes and all(axes.has_data() for axes in figure.axes)
            assert np.isfinite([(*axes.get_xlim(), *axes.get_ylim()) for axes in figure.axes]).all()


def test_what_is_far_away_is_drawn_at_the_edge_and_counted_in_the_title() -> None:
    prediction = np.r_[np.linspace(-1, 1, 200), 1000.0]
    figure = numbers.figures(answers(np.zeros(201), prediction), LINEAR)["residuals"]
    axes = figure.axes[0]
    assert axes.get_title("left") == "Residuals (1 beyond the edge)" and axes.get_ylim()[1] < 5
