"""The metrics of a classifier against scikit-learn and against numbers worked out by hand."""

import json
import math
import time
import warnings
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn import metrics as reference

from dl_assets.errors import DataError
from dl_assets.evaluation import classes
from dl_assets.evaluation.bootstrap import resamples
from dl_assets.evaluation.classes_scores import measure, read_answers
from dl_assets.pages import style

FEW, MANY = ["cat", "dog"], [str(digit) for digit in range(10)]


def expected(predictions: pl.DataFrame, names: list[str]) -> dict[str, float]:
    target, prediction = predictions["target"].to_list(), predictions["prediction"].to_list()
    probabilities = predictions.select([f"probability_{name}" for name in names]).to_numpy()
    areas = [
        reference.roc_auc_score([t == name for t in target], probabilities[:, index])
        for index, name in enumerate(names)
        if 0 < target.count(name) < len(target) and (index or len(names) > 2)
    ]
    top = len(names) > 5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of classes without samples
        precision, recall, f1, _ = reference.precision_recall_fscore_support(
            target, prediction, average="macro", zero_division=0
        )
        return {
            "accuracy": reference.accuracy_score(target, prediction),
            "balanced_accuracy": reference.balanced_accuracy_score(target, prediction),
            "precision_macro": precision,
            "recall_macro": recall,
            "f1_macro": f1,
            "roc_auc": float(np.mean(areas)),
            "average_precision_macro": float(np.mean([value for value in precise(predictions, names) if value is not None])),
            "matthews": reference.matthews_corrcoef(target, prediction),
            **({"top_5_accuracy": reference.top_k_accuracy_score(target, probabilities, k=5, labels=names)} if top else {}),
            "log_loss": reference.log_loss(target, probabilities, labels=names),
            "support": len(target),
        }


def precise(predictions: pl.DataFrame, names: list[str]) -> list[float | None]:
    """Average precision of each class; None where no sample is of it."""
    inside = {name: (predictions["target"] == name).to_numpy() for name in names}
    return [
        reference.average_precision_score(inside[name], predictions[f"probability_{name}"]) if inside[name].any() else None
        for name in names
    ]


def measured(predictions: pl.DataFrame, names: list[str], **options: int) -> dict[str, Any]:
    return classes.metrics(predictions, {"classes": names}, **{"bootstrap_samples": 200, "seed": 17, **options})


@pytest.mark.parametrize(("names", "without"), [(FEW, ""), (MANY, ""), (MANY, "7")])
def test_every_value_is_what_scikit_learn_says(make: Any, names: list[str], without: str) -> None:
    predictions = make(150, names, without=without)
    found = measured(predictions, names)
    assert {name: found[name]["value"] for name in expected(predictions, names)} == pytest.approx(expected(predictions, names))


def test_every_resample_is_measured_as_scikit_learn_would(make: Any) -> None:
    predictions = make(25, MANY)  # so few that resamples lack whole classes
    weights = next(resamples(25, 20, seed=3))
    found = measure(read_answers(predictions, MANY), weights)
    for row, counts in enumerate(weights.astype(int)):
        resampled = predictions[np.repeat(np.arange(25), counts)]
        wanted = expected(resampled, MANY)
        assert {name: found[name][row] for name in wanted} == pytest.approx(wanted)


def test_the_metrics_of_each_class_are_what_scikit_learn_says(make: Any) -> None:
    predictions = make(150, MANY)
    columns = reference.precision_recall_fscore_support(predictions["target"], predictions["prediction"], labels=MANY)
    found = measured(predictions, MANY)["classes"]
    for name, *wanted in zip(MANY, *columns, strict=True):
        assert [found[name][key]["value"] for key in ("precision", "recall", "f1", "support")] == pytest.approx(wanted)


def test_average_precision_and_log_loss_of_each_class_are_what_scikit_learn_says(make: Any) -> None:
    predictions = make(150, MANY)
    found = measured(predictions, MANY)["classes"]
    assert [found[name]["average_precision"]["value"] for name in MANY] == pytest.approx(precise(predictions, MANY))
    for name in MANY:
        inside = predictions.filter(target=name)
        probabilities = inside.select([f"probability_{other}" for other in MANY]).to_numpy()
        wanted = reference.log_loss(inside["target"], probabilities, labels=MANY)
        assert found[name]["log_loss"]["value"] == pytest.approx(wanted)


@pytest.mark.parametrize("scores", [[0.2] * 3 + [0.1] * 4, [1 / 7] * 7, [0.5, 0.5, 0, 0, 0, 0, 0]])
def test_of_classes_that_are_equally_likely_the_top_five_are_those_of_scikit_learn(scores: list[float]) -> None:
    names = list("abcdefg")
    row = {
        "part": "test",
        "prediction": "a",
        **{f"probability_{name}": float(s) for name, s in zip(names, scores, strict=True)},
    }
    predictions = pl.DataFrame([{"id": name, "target": name, **row} for name in names])
    wanted = reference.top_k_accuracy_score(names, np.tile(scores, (7, 1)), k=5, labels=names)
    assert measured(predictions, names)["top_5_accuracy"]["value"] == pytest.approx(wanted)


def test_five_classes_have_no_top_five(make: Any) -> None:
    assert "top_5_accuracy" not in measured(make(40, MANY[:5]), MANY[:5])


def test_a_test_part_of_one_class_is_measured_as_far_as_that_means_something(make: Any) -> None:
    predictions = make(80, ["cat", "dog", "fish"]).filter(target="cat")
    found = measured(predictions, ["cat", "dog", "fish"])
    assert "roc_auc" not in found and "roc_auc" not in found["classes"]["cat"]
    assert found["matthews"]["value"] == 0 == reference.matthews_corrcoef(predictions["target"], predictions["prediction"])
    assert found["accuracy"]["value"] == found["classes"]["cat"]["recall"]["value"]
    assert found["average_precision_macro"]["value"] == 1  # whatever is taken for a cat is one
    drawn = classes.figures(predictions, {"classes": ["cat", "dog", "fish"]})
    assert all(style.png(figure) for figure in drawn.values())
    assert classes.curves(predictions, {"classes": ["cat", "dog", "fish"]})["roc_averages.csv"].is_empty()


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_probability_that_is_no_finite_number_is_refused(make: Any, value: float) -> None:
    predictions = make(20, FEW)
    broken = predictions.with_columns(probability_dog=pl.when(id="0007").then(value).otherwise("probability_dog"))
    with pytest.raises(DataError, match=r"1 of 20 samples are no finite numbers, such as to 0007\. Train again"):
        measured(broken, FEW)


def test_the_roc_auc_of_two_classes_is_the_ordinary_one(make: Any) -> None:
    predictions = make(150, FEW)
    wanted = reference.roc_auc_score(predictions["target"] == "dog", predictions["probability_dog"])
    assert measured(predictions, FEW)["roc_auc"]["value"] == pytest.approx(wanted)


def test_the_calibration_error_is_the_mean_gap_over_fifteen_bins() -> None:
    # Two bins: confidence 0.9, 0.9 with one of two right (gap 0.4), and 0.6, 0.6 with both right (gap 0.4); then 1.0 right.
    confidence = [0.9, 0.9, 0.6, 0.6, 1.0]
    predictions = pl.DataFrame(
        {
            "id": list("abcde"),
            "part": ["test"] * 5,
            "target": ["cat", "dog", "cat", "cat", "cat"],
            "prediction": ["cat"] * 5,
            "confidence": confidence,
            "probability_cat": confidence,
            "probability_dog": [1 - value for value in confidence],
        }
    )
    assert measured(predictions, FEW)["ece"]["value"] == pytest.approx((2 * 0.4 + 2 * 0.4 + 0) / 5)


def test_the_interval_of_accuracy_is_near_the_normal_approximation(make: Any) -> None:
    found = measured(make(400, MANY), MANY, bootstrap_samples=2000)["accuracy"]
    half = 1.96 * math.sqrt(found["value"] * (1 - found["value"]) / 400)
    assert (found["low"], found["high"]) == pytest.approx((found["value"] - half, found["value"] + half), abs=0.01)


def test_every_interval_holds_its_value(make: Any) -> None:
    found = measured(make(60, MANY), MANY)
    triples = [triple for name, triple in found.items() if name != "classes"]
    triples += [triple for metrics in found["classes"].values() for triple in metrics.values()]
    assert all(triple["low"] <= triple["value"] <= triple["high"] for triple in triples)


def test_the_same_seed_gives_the_same_intervals(make: Any) -> None:
    predictions = make(60, MANY)
    assert measured(predictions, MANY) == measured(predictions, MANY)
    assert measured(predictions, MANY) != measured(predictions, MANY, seed=18)


def test_a_class_without_test_samples_lacks_the_metrics_that_have_no_meaning(make: Any) -> None:
    predictions = make(60, ["cat", "dog", "fish"], without="fish")
    found = measured(predictions.filter(pl.col("prediction") != "fish"), ["cat", "dog", "fish"])
    assert list(found["classes"]["fish"]) == ["support"]
    json.dumps(found, allow_nan=False)


def test_a_single_sample_can_be_measured(make: Any) -> None:
    found = measured(make(1, FEW), FEW)
    assert found["support"]["value"] == 1
    assert "roc_auc" not in found


def test_a_class_that_training_never_saw_is_named(make: Any) -> None:
    with pytest.raises(DataError, match="'fish'"):
        measured(make(60, ["cat", "dog", "fish"]), FEW)


def test_a_thousand_resamples_of_a_small_test_part_take_less_than_a_cpu_second(make: Any) -> None:
    started = time.process_time()
    measured(make(270, MANY), MANY, bootstrap_samples=1000)
    assert time.process_time() - started < 1


def test_mistakes_come_most_confident_first(make: Any) -> None:
    wrong = classes.mistakes(make(60, MANY))
    assert wrong["confidence"].is_sorted(descending=True)
    assert (wrong["target"] != wrong["prediction"]).all()


def test_the_sentence_names_the_commonest_mistake() -> None:
    predictions = pl.DataFrame(
        {
            "id": list("abcd"),
            "part": ["test"] * 4,
            "target": ["cat", "cat", "dog", "dog"],
            "prediction": ["dog", "dog", "cat", "dog"],
            "confidence": [0.9] * 4,
            "probability_cat": [0.1, 0.1, 0.9, 0.1],
            "probability_dog": [0.9, 0.9, 0.1, 0.9],
        }
    )
    text = classes.sentence(measured(predictions, FEW), predictions)
    assert "commonest mistake (2 of 3) is to take “cat” for “dog”" in text


def test_without_a_mistake_the_sentence_does_not_promise_perfection(make: Any) -> None:
    predictions = make(100, FEW)
    right = predictions.filter(pl.col("target") == pl.col("prediction"))[:60]
    assert "5.0\N{NO-BREAK SPACE}% of mistakes on new ones" in classes.sentence(measured(right, FEW), right)  # 3 / 60
