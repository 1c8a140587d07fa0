"""What a class is to a model, and what its answer is to a person."""

import numpy as np
import polars as pl
import pytest
import torch

from dl_assets.errors import DataError
from dl_assets.targets import classes

FITTED = {"classes": ["cat", "dog", "ewe"]}


def test_classes_are_sorted_and_counted_once():
    fitted = classes.fit(pl.Series(["dog", "ewe", "cat", "dog"]))
    assert fitted == FITTED
    assert classes.num_outputs(fitted) == 3


@pytest.mark.parametrize("targets", [["dog", "dog"], []])
def test_fewer_than_two_classes_cannot_be_learnt(targets):
    with pytest.raises(DataError, match="two or more"):
        classes.fit(pl.Series(targets, dtype=pl.String))


def test_a_target_becomes_the_index_of_its_class():
    encoded = classes.encode(pl.Series(["ewe", "cat"]), FITTED)
    assert encoded.tolist() == [2, 0]
    assert encoded.dtype == np.int64


def test_an_unknown_class_is_named():
    with pytest.raises(DataError, match="fox"):
        classes.encode(pl.Series(["cat", "fox"]), FITTED)


def test_weights_make_every_class_count_alike():
    targets = pl.Series(["cat"] * 6 + ["dog"] * 3 + ["ewe"])
    weights = classes.class_weights(targets, FITTED)
    assert (weights * [6, 3, 1]).tolist() == pytest.approx([10 / 3] * 3)


def test_samples_are_drawn_so_that_every_class_is_drawn_as_often():
    targets = pl.Series(["cat"] * 6 + ["dog"] * 3 + ["ewe"])
    weights = pl.DataFrame({"target": targets, "weight": classes.sample_weights(targets, FITTED)})
    assert weights.group_by("target").sum()["weight"].to_list() == pytest.approx([10 / 3] * 3)


def test_the_score_is_the_share_of_right_answers():
    outputs = torch.tensor([[2.0, 1.0, 0.0], [0.0, 1.0, 2.0]])
    assert classes.score(outputs, torch.tensor([0, 1]))["accuracy"].item() == 0.5


def test_the_activation_makes_each_row_sum_to_one():
    assert classes.activation(FITTED)(torch.randn(5, 3)).sum(dim=1).tolist() == pytest.approx([1.0] * 5)


def test_a_prediction_names_the_likeliest_class_and_keeps_all_probabilities():
    table = classes.predictions(np.array([[0.1, 0.7, 0.2], [0.5, 0.25, 0.25]], dtype=np.float32), FITTED)
    assert table.columns == ["prediction", "confidence", "probability_cat", "probability_dog", "probability_ewe"]
    assert table["prediction"].to_list() == ["dog", "cat"]
    assert table["confidence"].to_list() == pytest.approx([0.7, 0.5])
    assert table["probability_ewe"].to_list() == pytest.approx([0.2, 0.25])


def test_no_samples_make_a_table_without_rows():
    table = classes.predictions(np.zeros((0, 3), dtype=np.float32), FITTED)
    assert table.shape == (0, 5)
    assert table.schema["confidence"] == pl.Float64


def test_at_the_threshold_and_above_it_the_answer_is_the_positive_class():
    fitted = {"classes": ["cat", "dog"], "threshold": 0.25, "positive": "dog"}
    table = classes.predictions(np.array([[0.75, 0.25], [0.8, 0.2]]), fitted)
    assert table["prediction"].to_list() == ["dog", "cat"]
    assert table["confidence"].to_list() == [0.25, 0.8]


def test_answers_on_two_sides_of_the_threshold_do_not_agree():
    fitted = {"classes": ["cat", "dog"], "threshold": 0.25, "positive": "dog"}
    expected, found = np.array([[0.7, 0.3], [0.4, 0.6]]), np.array([[0.8, 0.2], [0.6, 0.4]])
    assert classes.agreement(expected, found, fitted)[1] == 0.5
