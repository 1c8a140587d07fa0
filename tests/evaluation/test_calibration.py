"""A temperature and a threshold are fitted on val, told in the report, and left out where val cannot tell."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from sklearn import metrics as reference

from dl_assets.config import Pipeline
from dl_assets.errors import ConfigError, DataError
from dl_assets.evaluation import classes, labels, numbers
from dl_assets.evaluation.temperature import fit_temperature, tempered
from dl_assets.evaluation.threshold import thresholds
from dl_assets.sections import Cost
from dl_assets.targets import classes as targets

FEW = ["no", "yes"]
SCORES, IS_POSITIVE = np.array([0.9, 0.8, 0.8, 0.4, 0.3, 0.1]), np.array([True, True, False, True, False, False])


def config(**evaluate: Any) -> Pipeline:
    return Pipeline(Path("pipelines/pets.yaml"), {"task": "tabular_classification", "evaluate": evaluate})


def too_sure(num_samples: int, *, sharpened: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of three classes that are right as often as they say, but for their logarithms times `sharpened`."""
    rng = np.random.default_rng(seed)
    honest = rng.dirichlet([1, 1, 1], num_samples)
    target = (honest.cumsum(axis=1) > rng.random((num_samples, 1))).argmax(axis=1)
    return tempered(honest, 1 / sharpened), target


def both_parts(make: Any, names: list[str]) -> pl.DataFrame:
    val, test = (make(150, names, seed=seed) for seed in (1, 2))
    return pl.concat([val.with_columns(part=pl.lit("val"), id="v" + pl.col("id")), test])


def test_the_temperature_undoes_what_made_the_answers_too_sure() -> None:
    temperature = fit_temperature(*too_sure(20_000, sharpened=2.0))
    assert temperature == pytest.approx(2.0, abs=0.05)


def test_the_temperature_has_the_lowest_log_loss_of_all_on_a_grid() -> None:
    probabilities, target = too_sure(500, sharpened=1.7)
    losses = {t: reference.log_loss(target, tempered(probabilities, t)) for t in np.arange(0.5, 4, 0.01)}
    assert fit_temperature(probabilities, target) == pytest.approx(min(losses, key=lambda t: losses[t]), abs=0.01)


def test_with_fewer_than_ten_mistakes_no_temperature_is_fitted() -> None:
    probabilities = np.tile([0.6, 0.4], (200, 1))
    target = np.array([1] * 9 + [0] * 191)
    assert "there are 9 mistakes on val" in str(fit_temperature(probabilities, target))
    target[9] = 1
    assert isinstance(fit_temperature(probabilities, target), float)


def test_a_temperature_that_lowers_nothing_is_left_out() -> None:
    probabilities = np.full((40, 2), 0.5)
    assert "none lowers the log loss" in str(fit_temperature(probabilities, np.array([0, 1] * 20)))


def test_torch_and_numpy_temper_alike_and_change_no_prediction() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1], [1.0, 0.0, 0.0], [0.3, 0.4, 0.3]], dtype=np.float32)
    found = targets.calibration({"classes": list("abc"), "temperature": 1.6})(torch.from_numpy(probabilities)).numpy()
    assert found == pytest.approx(tempered(probabilities.astype(np.float64), 1.6), abs=1e-6)
    assert found.argmax(axis=1).tolist() == probabilities.argmax(axis=1).tolist()
    assert np.isfinite(found).all()


def test_without_a_temperature_there_is_nothing_to_calibrate() -> None:
    assert targets.calibration({"classes": FEW}) is None


def test_each_threshold_counts_as_scikit_learn_does() -> None:
    measured = thresholds(SCORES, IS_POSITIVE)
    assert measured.values == pytest.approx([0.95, 0.85, 0.6, 0.35, 0.2, 0.05])
    for index, value in enumerate(measured.values):
        said = value <= SCORES
        wanted = [score(IS_POSITIVE, said, zero_division=0) for score in (reference.precision_score, reference.recall_score)]
        assert [measured.precision[index], measured.recall[index]] == pytest.approx(wanted)
        assert measured.f1[index] == pytest.approx(reference.f1_score(IS_POSITIVE, said, zero_division=0))
        _, wrong = reference.confusion_matrix(IS_POSITIVE, said)[0] / 3
        assert measured.youden[index] == pytest.approx(measured.recall[index] - wrong)


@pytest.mark.parametrize(
    ("rule", "cost", "value"),
    [
        ("f1", Cost(), 0.35),  # 3 found, 1 wrong: F1 is 6 / 7
        ("youden", Cost(), 0.35),
        ("cost", Cost(false_positive=10.0), 0.85),
        ("cost", Cost(false_negative=10.0), 0.35),
        ("cost", Cost(false_negative=0.0), 0.95),  # never, for a miss costs nothing
    ],
)
def test_the_best_threshold_is_that_of_the_rule(rule: str, cost: Cost, value: float) -> None:
    measured = thresholds(SCORES, IS_POSITIVE)
    best = measured.best(rule, cost)
    if value == 0.95:
        assert measured.cost(cost)[best] == 0
    else:
        assert measured.values[best] == pytest.approx(value)


def test_a_score_of_one_leaves_no_threshold_above_it() -> None:
    assert thresholds(np.array([1.0, 0.5]), np.array([True, False])).values == pytest.approx([0.75, 0.25])


def test_a_threshold_of_a_half_is_found_between_the_scores_around_it() -> None:
    measured = thresholds(SCORES, IS_POSITIVE)
    assert measured.values[measured.at(0.5)] == pytest.approx(0.6)


def test_the_file_holds_the_temperature_and_the_threshold_of_the_class_that_is_asked_for(make: Any) -> None:
    predictions = both_parts(make, FEW)
    found = classes.calibrate(config(threshold="f1", positive="no"), predictions, {"classes": FEW})
    assert set(found.fitted) == {"temperature", "threshold", "positive"} and found.fitted["positive"] == "no"
    val = predictions.filter(part="val")
    probabilities = tempered(val.select("probability_no", "probability_yes").to_numpy(), found.fitted["temperature"])
    is_no = (val["target"] == "no").to_numpy()
    chosen = reference.f1_score(is_no, probabilities[:, 0] >= found.fitted["threshold"])
    assert chosen == max(reference.f1_score(is_no, probabilities[:, 0] >= value) for value in probabilities[:, 0])
    assert "threshold.csv" in found.curves and "threshold" in found.panels[1].figures


def test_the_temperature_is_fitted_on_val_alone(make: Any) -> None:
    predictions = both_parts(make, FEW)
    turned = predictions.with_columns(target=pl.when(part="test").then(pl.lit("no")).otherwise("target"))
    first, second = (classes.calibrate(config(), frame, {"classes": FEW}).fitted for frame in (predictions, turned))
    assert first == second and list(first) == ["temperature"]


def test_the_report_tells_log_loss_and_calibration_error_before_and_after(make: Any) -> None:
    predictions = both_parts(make, FEW)
    (panel,) = classes.calibrate(config(), predictions, {"classes": FEW}).panels
    val = predictions.filter(part="val")
    assert panel.rows[0][1] == f"{reference.log_loss(val['target'] == 'yes', val['probability_yes']):.3f}"
    assert float(panel.rows[1][1]) <= float(panel.rows[0][1])


def test_what_is_not_asked_for_is_not_fitted(make: Any) -> None:
    found = classes.calibrate(config(calibrate="none"), both_parts(make, FEW), {"classes": FEW})
    assert (found.fitted, found.panels) == ({}, [])


def test_a_threshold_of_three_classes_of_labels_or_of_numbers_is_refused(make: Any) -> None:
    names = ["a", "b", "c"]
    with pytest.raises(ConfigError, match="there are 3 classes"):
        classes.calibrate(config(threshold="f1"), both_parts(make, names), {"classes": names})
    for kind in (labels, numbers):
        with pytest.raises(ConfigError, match=r"evaluate\.threshold is 'f1'"):
            kind.calibrate(config(threshold="f1"), pl.DataFrame(), {})
        assert kind.calibrate(config(), pl.DataFrame(), {}).fitted == {}


def test_a_positive_class_that_is_not_there_is_told_with_the_nearest_one(make: Any) -> None:
    with pytest.raises(ConfigError, match="did you mean 'yes'"):
        classes.calibrate(config(positive="yess"), both_parts(make, FEW), {"classes": FEW})


def test_a_val_part_of_one_class_is_refused_for_a_threshold(make: Any) -> None:
    predictions = both_parts(make, FEW).filter((pl.col("part") == "test") | (pl.col("target") == "no"))
    with pytest.raises(DataError, match="val has 0 samples of 'yes'"):
        classes.calibrate(config(threshold="youden"), predictions, {"classes": FEW})
