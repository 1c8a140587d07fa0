"""The metrics and figures of a model of several labels against scikit-learn and against numbers worked out by hand."""

import json
import warnings
from typing import Any

import numpy as np
import polars as pl
import pytest
from sklearn import metrics as reference

from dl_assets.errors import DataError
from dl_assets.evaluation import labels
from dl_assets.evaluation.bootstrap import resamples
from dl_assets.evaluation.labels_scores import measure, read_label_answers
from dl_assets.evaluation.ranking_curves import precision_recall_points
from dl_assets.pages import style
from dl_assets.targets.labels import join, predictions

NAMES = ["cat", "dog", "fish", "fox"]


def make(num_samples: int, names: list[str] = NAMES, *, seed: int = 0, without: str = "") -> pl.DataFrame:
    """Answers for samples of which each has some label; probabilities with ties, and no sample has the label `without`."""
    rng = np.random.default_rng(seed)
    truth = rng.random((num_samples, len(names))) < 0.35
    truth[np.arange(num_samples), rng.integers(0, len(names), num_samples)] = True
    truth[:, [name == without for name in names]] = False
    probabilities = np.round(1 / (1 + np.exp(-rng.normal(2 * truth - 1, 1.5))), 2)
    samples = pl.DataFrame({"id": [f"{index:04d}" for index in range(num_samples)], "part": "test"})
    fitted = {"classes": names}
    return samples.with_columns(join(truth, fitted).alias("target")).hstack(predictions(probabilities, fitted))


def measured(frame: pl.DataFrame, names: list[str] = NAMES, **options: int) -> dict[str, Any]:
    return labels.metrics(frame, {"classes": names}, **{"bootstrap_samples": 200, "seed": 17, **options})


def expected(frame: pl.DataFrame, names: list[str] = NAMES) -> dict[str, float]:
    truth = np.array([[name in target.split("|") for name in names] for target in frame["target"]])
    scores = frame.select([f"probability_{name}" for name in names]).to_numpy()
    predicted = scores > 0.5
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scikit-learn warns of labels without samples
        losses = [reference.log_loss(truth[:, index], scores[:, index], labels=[False, True]) for index in range(len(names))]
        return {
            "mean_average_precision": reference.average_precision_score(truth, scores, average="macro"),
            "f1_micro": reference.f1_score(truth, predicted, average="micro"),
            "f1_macro": reference.f1_score(truth, predicted, average="macro"),
            "subset_accuracy": reference.accuracy_score(truth, predicted),
            "hamming_loss": reference.hamming_loss(truth, predicted),
            "roc_auc": reference.roc_auc_score(truth, scores, average="macro"),
            "log_loss": float(np.mean(losses)),
            "support": len(frame),
        }


def test_every_value_is_what_scikit_learn_says() -> None:
    frame = make(150)
    found = measured(frame)
    assert {name: found[name]["value"] for name in expected(frame)} == pytest.approx(expected(frame))


def test_every_resample_is_measured_as_scikit_learn_would() -> None:
    frame = make(40)
    weights = next(resamples(40, 20, seed=3))
    found = measure(read_label_answers(frame, NAMES), weights)
    for row, counts in enumerate(weights.astype(int)):
        wanted = expected(frame[np.repeat(np.arange(40), counts)])
        assert {name: found[name][row] for name in wanted} == pytest.approx(wanted)


def test_the_metrics_of_each_label_are_what_scikit_learn_says() -> None:
    frame = make(150)
    found = measured(frame)["classes"]
    for name in NAMES:
        truth = [name in target.split("|") for target in frame["target"]]
        scores = frame[f"probability_{name}"]
        precision, recall, f1, _ = reference.precision_recall_fscore_support(truth, scores > 0.5, average="binary")
        wanted = [precision, recall, f1, reference.average_precision_score(truth, scores), sum(truth)]
        keys = ("precision", "recall", "f1", "average_precision", "support")
        assert [found[name][key]["value"] for key in keys] == pytest.approx(wanted)


def test_the_calibration_error_is_the_mean_gap_over_fifteen_bins_of_all_answers() -> None:
    # Confidences 0.9, 0.9 (one of two right: gap 0.4) and 0.6, 0.6 (both right: gap 0.4).
    frame = pl.DataFrame(
        {"id": ["a", "b"], "target": ["cat", "cat|dog"], "probability_cat": [0.9, 0.6], "probability_dog": [0.9, 0.6]}
    )
    assert measured(frame, ["cat", "dog"])["ece"]["value"] == pytest.approx(0.4)


def test_every_interval_holds_its_value_and_the_same_seed_gives_the_same() -> None:
    frame = make(60)
    found = measured(frame)
    triples = [triple for name, triple in found.items() if name != "classes"]
    triples += [triple for one in found["classes"].values() for triple in one.values()]
    assert all(triple["low"] <= triple["value"] <= triple["high"] for triple in triples)
    assert found == measured(frame) != measured(frame, seed=18)


def test_a_label_without_test_samples_lacks_the_metrics_that_have_no_meaning() -> None:
    found = measured(make(60, without="fox"))
    assert not {"average_precision", "roc_auc", "recall"} & set(found["classes"]["fox"])
    json.dumps(found, allow_nan=False)


def test_a_label_that_training_never_saw_is_named() -> None:
    with pytest.raises(DataError, match="1 label that the train part does not hold: fox"):
        measured(make(60), NAMES[:3])


def test_the_precision_recall_curve_is_that_of_scikit_learn() -> None:
    frame = make(200)
    inside, scores = (frame["target"].str.contains("dog")).to_numpy(), frame["probability_dog"].to_numpy()
    precision, recall, thresholds = reference.precision_recall_curve(inside, scores)
    found = precision_recall_points(inside, scores)
    for ours, theirs in zip(found, (recall[:-1], precision[:-1], thresholds), strict=True):  # ours from the highest threshold
        np.testing.assert_allclose(ours[::-1], theirs)


def test_a_thinned_curve_has_at_most_two_hundred_points_and_keeps_its_ends() -> None:
    curve = labels.curves(make(5000), {"classes": NAMES})["precision_recall.csv"].filter(label="cat")
    assert len(curve) <= 200 and curve["recall"][-1] == 1


def test_what_became_of_each_label_adds_up() -> None:
    frame = pl.DataFrame(
        {
            "id": list("abcd"),
            "target": ["cat", "cat", "dog", "cat|dog"],
            "probability_cat": [0.9, 0.1, 0.9, 0.9],
            "probability_dog": [0.1, 0.1, 0.9, 0.1],
        }
    )
    assert labels.curves(frame, {"classes": ["cat", "dog"]})["outcomes.csv"].rows() == [
        ("cat", 2, 1, 1, 0),
        ("dog", 1, 1, 0, 2),
    ]


@pytest.mark.parametrize("names", [NAMES, [f"label {index}" for index in range(45)], ["$x_{1$", "_b", "<&>"]])
def test_figures_can_be_drawn_for_any_labels(names: list[str]) -> None:
    figures = labels.figures(make(60, names, without=names[0]), {"classes": names})
    assert set(figures) < set(labels.CAPTIONS)
    assert all(style.png(figure, dpi=40).startswith(b"\x89PNG") for figure in figures.values())


def test_mistakes_are_the_samples_with_a_wrong_label_whatever_the_order_of_the_labels() -> None:
    frame = pl.DataFrame(
        {
            "id": list("abc"),
            "target": ["dog|cat", "cat", "cat|fox"],
            "prediction": ["cat|dog", "", "cat|dog"],
            "confidence": [0.9, 0.6, 0.8],
        }
    )
    assert labels.mistakes(frame)["id"].to_list() == ["c", "b"]


def test_the_sentence_names_the_commonest_mistake() -> None:
    frame = make(80)
    text = labels.sentence(measured(frame), frame)
    assert f"it gets all labels of {80 - len(labels.mistakes(frame))} right" in text
    truth = np.array([[name in target.split("|") for name in NAMES] for target in frame["target"]])
    said = np.array([[name in target.split("|") for name in NAMES] for target in frame["prediction"]])
    errors = {("miss", name): n for name, n in zip(NAMES, (truth & ~said).sum(axis=0), strict=True)}
    errors |= {("see", name): n for name, n in zip(NAMES, (~truth & said).sum(axis=0), strict=True)}
    (kind, name), count = max(errors.items(), key=lambda item: item[1])
    assert f"commonest mistake ({count} of {sum(errors.values())}) is to {kind} “{name}”" in text


def test_without_a_mistake_the_sentence_does_not_promise_perfection() -> None:
    frame = make(200).filter(pl.col("target") == pl.col("prediction"))[:30]
    assert "10.0\N{NO-BREAK SPACE}% of mistakes on new ones" in labels.sentence(measured(frame), frame)  # 3 / 30
