"""Several labels of one sample: what the network learns, and what it says."""

import numpy as np
import polars as pl
import pytest
import torch

from dl_assets.errors import DataError
from dl_assets.targets import labels

FITTED = {"classes": ["cat", "dog", "fish"]}


def test_labels_are_in_the_order_of_the_alphabet_whatever_the_order_of_the_data() -> None:
    assert labels.fit(pl.Series(["fish", "dog|cat", "cat"])) == FITTED
    assert labels.num_outputs(FITTED) == 3


def test_one_label_alone_cannot_be_learnt() -> None:
    with pytest.raises(DataError, match=r"1 label \(cat\), but there must be two or more.*joined by '\|'"):
        labels.fit(pl.Series(["cat", "cat"]))


def test_a_target_becomes_ones_and_zeros_and_comes_back() -> None:
    targets = pl.Series(["cat|fish", "dog", "cat|dog|fish"])
    encoded = labels.encode(targets, FITTED)
    assert encoded.tolist() == [[1, 0, 1], [0, 1, 0], [1, 1, 1]] and encoded.dtype == np.float32
    assert labels.join(encoded > 0, FITTED).to_list() == targets.to_list()


def test_an_unknown_label_is_named() -> None:
    with pytest.raises(DataError, match="1 label that the train part does not hold: fox"):
        labels.encode(pl.Series(["cat|fox"]), FITTED)


def test_the_presence_of_a_label_is_made_to_count_as_much_as_its_absence() -> None:
    targets = pl.Series(["cat", "cat|dog", "cat|fish", "dog"])
    assert labels.class_weights(targets, FITTED).tolist() == pytest.approx([1 / 3, 1, 3])


def test_a_label_that_every_sample_has_keeps_its_weight() -> None:
    assert labels.class_weights(pl.Series(["cat", "cat|dog"]), {"classes": ["cat", "dog"]}).tolist() == [1, 1]


def test_a_sample_is_drawn_as_often_as_its_rarest_label_asks_for() -> None:
    weights = labels.sample_weights(pl.Series(["cat", "cat", "cat|fish", "dog", "dog"]), FITTED)
    assert (weights / weights[0]).tolist() == pytest.approx([1, 1, 3, 1.5, 1.5])


def test_the_score_is_f1_over_all_labels_of_the_batch() -> None:
    outputs, encoded = torch.tensor([[3.0, -3.0], [3.0, 3.0]]), torch.tensor([[1.0, 1.0], [1.0, 0.0]])
    assert labels.score(outputs, encoded)["f1_micro"].item() == pytest.approx(2 * 2 / (3 + 3))
    nothing = torch.full((1, 2), -3.0)
    assert labels.score(nothing, torch.zeros(1, 2))["f1_micro"].item() == 1


def test_a_prediction_is_every_label_above_a_half() -> None:
    frame = labels.predictions(np.array([[0.9, 0.2, 0.51], [0.1, 0.2, 0.3]], dtype=np.float32), FITTED)
    assert frame["prediction"].to_list() == ["cat|fish", ""]
    assert frame["confidence"].to_list() == pytest.approx([0.51, 0.7])
    assert frame.columns == ["prediction", "confidence", "probability_cat", "probability_dog", "probability_fish"]


def test_no_samples_give_no_predictions() -> None:
    assert labels.predictions(np.zeros((0, 3), dtype=np.float32), FITTED).height == 0


def test_probabilities_are_each_for_themselves() -> None:
    assert labels.activation(FITTED)(torch.tensor([[0.0, 0.0]])).tolist() == [[0.5, 0.5]]
