"""What is measured before a training, and what follows from it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import torch

from dl_assets.config import Pipeline
from dl_assets.sections import Train
from dl_assets.training.rehearsal import Way, ways_worth_trying

CPU = torch.device("cpu")


def test_a_budget_decides_the_number_of_epochs(fitted: Any) -> None:
    folder, report = fitted(epochs=None, budget_minutes=0.05, early_stopping=0)
    card = json.loads((folder / "card.json").read_text())
    plan = card["plan"]
    val_batches = 1
    assert 1 <= plan["epochs"] <= plan["seconds"] / (plan["step_seconds"] * (plan["steps"] + val_batches / 3))
    assert plan["seconds"] < 3.0  # some are spent on measuring
    assert report.numbers["epochs"] == card["epochs"]


def test_a_budget_is_no_reason_for_more_epochs_than_are_asked_for(fitted: Any) -> None:
    folder, _ = fitted(epochs=2, budget_minutes=10.0)
    assert json.loads((folder / "card.json").read_text())["plan"]["epochs"] == 2


def test_without_epochs_and_budget_there_are_twenty(fitted: Any) -> None:
    folder, _ = fitted(epochs=None, early_stopping=0)
    assert json.loads((folder / "card.json").read_text())["epochs"] == 20


def test_a_short_training_computes_in_the_plainest_way(fitted: Any) -> None:
    folder, _ = fitted()
    plan = json.loads((folder / "card.json").read_text())["plan"]
    assert (plan["precision"], plan["channels_last"], plan["workers"]) == (32, False, 0)


def test_a_rate_is_found_by_trying_and_learns(fitted: Any) -> None:
    folder, report = fitted(learning_rate="auto", epochs=10)
    plan = json.loads((folder / "card.json").read_text())["plan"]
    assert 1e-6 < plan["learning_rate"] < 1.0
    assert report.numbers["val_accuracy"] == 1.0


def test_finding_a_rate_changes_nothing_else(fitted: Any) -> None:
    """The training is the one that has the found rate in its YAML."""
    folder, _ = fitted(learning_rate="auto")
    found = json.loads((folder / "card.json").read_text())["plan"]["learning_rate"]
    weights = torch.load(folder / "model.ckpt", weights_only=True)["state_dict"]
    again = torch.load(fitted(learning_rate=found)[0] / "model.ckpt", weights_only=True)["state_dict"]
    assert all(torch.equal(value, again[name]) for name, value in weights.items())


@pytest.mark.parametrize("precision", [32, "bf16"])
def test_a_precision_that_is_asked_for_is_not_measured_against_others(precision: Any) -> None:
    ways = ways_worth_trying(Train(precision=precision), CPU, is_picture=True)
    assert ways == [Way(precision, False), Way(precision, True)]


def test_exact_repetition_leaves_nothing_to_choose() -> None:
    assert ways_worth_trying(Train(deterministic=True), CPU, is_picture=True) == [Way(32, False)]


def test_what_is_no_picture_has_one_order_in_memory() -> None:
    assert ways_worth_trying(Train(precision=32), CPU, is_picture=False) == [Way(32, False)]


@pytest.mark.parametrize("precision", [32, "bf16"])
def test_every_precision_learns(fitted: Any, precision: Any) -> None:
    folder, report = fitted(precision=precision, epochs=10)
    assert report.numbers["val_accuracy"] == 1.0
    weights = torch.load(folder / "model.ckpt", weights_only=True)["state_dict"]
    assert all(value.dtype in (torch.float32, torch.int64) for value in weights.values())


@pytest.mark.parametrize(
    "options",
    [{"optimizer": "sgd"}, {"loss": {"name": "focal", "gamma": 1.0}}, {"clip_gradients": 1.0}, {"l1": 1e-4}, {"accumulate": 3}],
    ids=str,
)
def test_every_option_changes_what_is_learnt(fitted: Any, options: dict[str, Any]) -> None:
    plain = (fitted()[0] / "history.csv").read_text()
    assert (fitted(**options)[0] / "history.csv").read_text().splitlines()[-1].split(",")[1:3] != (
        plain.splitlines()[-1].split(",")[1:3]
    )


def test_a_loss_of_another_kind_of_target_is_told_with_those_that_fit(pipeline: Callable[..., Pipeline]) -> None:
    with pytest.raises(Exception, match=r"train\.loss is 'mse', which is for numbers.* cross_entropy, focal"):
        pipeline(loss="mse").train  # noqa: B018 - reading a section checks it


def test_a_wrong_name_is_told_with_the_nearest(pipeline: Callable[..., Pipeline]) -> None:
    with pytest.raises(Exception, match=r"train\.optimizer is 'adamm', did you mean 'adam'\?"):
        pipeline(optimizer="adamm").train  # noqa: B018
    with pytest.raises(Exception, match=r"train\.scheduler\.finall is not known here, did you mean 'final'\?"):
        pipeline(scheduler={"name": "cosine", "finall": 0.1}).train  # noqa: B018


def test_a_weight_of_a_class_that_there_is_not_is_told(fitted: Any) -> None:
    with pytest.raises(Exception, match=r"train\.class_weights names middle, but the classes .* are left, right"):
        fitted(class_weights={"middle": 2.0})
