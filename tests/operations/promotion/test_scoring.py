"""How a champion of before is asked about the test samples of today."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from contest import NUM_SAMPLES, TARGETS, Contest, answers

from dl_assets.operations.promotion import answers as asking
from dl_assets.orchestration.champion import promote


def decide(contest: Contest, **options: Any) -> dict[str, Any]:
    return promote("pets", contest.root, **options)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collects the models that are asked in truth."""
    found: list[str] = []
    original = asking._ask
    monkeypatch.setattr(asking, "_ask", lambda model, *rest: (found.append(model.sha256), original(model, *rest))[1])
    return found


def test_a_model_is_asked_once_for_one_test_set(contest: Contest, asked: list[str]) -> None:
    first = contest.export(answers(20))
    decide(contest)
    decide(contest)
    second = contest.export(answers(30))
    decide(contest)
    decide(contest)
    assert asked == [first, second]


def test_when_the_test_set_changes_both_are_scored_anew(contest: Contest, asked: list[str]) -> None:
    first = contest.export(answers(20))
    before = decide(contest)
    second = contest.export(answers(10))
    contest.write_samples(TARGETS[:150])
    decision = decide(contest)
    assert asked == [first, second, first]
    assert decision["test_set"]["samples"] == 150
    assert decision["test_set"]["sha256"] != before["test_set"]["sha256"]
    assert decision["champion"]["metrics"]["accuracy"]["value"] == pytest.approx(130 / 150)
    assert "The test set has changed since the champion was promoted" in decision["notes"][0]


def test_a_champion_of_another_size_is_shown_pictures_decoded_anew_by_its_own_options(contest: Contest) -> None:
    contest.write(clean={"image_size": 16, "channels": 1})
    contest.export(answers(20), image_size=16)
    first = decide(contest)
    assert first["challenger"]["asked"] == "decoded anew from raw/ by its own clean options"
    contest.write()
    contest.export(answers(10))
    decision = decide(contest)
    assert decision["challenger"]["asked"] == "the arrays that clean stored"
    assert decision["champion"]["asked"] == "decoded anew from raw/ by its own clean options"
    assert decision["champion"]["metrics"] == first["challenger"]["metrics"]
    assert decision["verdict"] == "promoted"


def test_a_champion_that_does_not_know_a_class_has_answered_its_samples_wrongly(contest: Contest) -> None:
    contest.export(answers(0))
    decide(contest)
    contest.write_samples([*TARGETS[:190], *["owl"] * 10])
    three = np.eye(3)[[{"cat": 0, "dog": 1, "owl": 2}[name] for name in [*TARGETS[:190], *["owl"] * 10]]]
    contest.export(three, ("cat", "dog", "owl"))
    decision = decide(contest)
    assert decision["champion"]["metrics"]["accuracy"]["value"] == pytest.approx(190 / NUM_SAMPLES)
    assert decision["challenger"]["metrics"]["accuracy"]["value"] == 1
    assert "The champion does not know owl" in decision["notes"][-1]
    assert decision["promoted"]


def test_a_champion_that_cannot_be_asked_stays_until_it_is_replaced_by_force(contest: Contest) -> None:
    contest.export(answers(0))
    decide(contest)
    signature = contest.folder / "champion/signature.json"
    signature.write_text(signature.read_text().replace('"max_pixels"', '"most_pixels"'))
    contest.export(answers(1))
    decision = decide(contest)
    assert decision["verdict"] == "not comparable" and not decision["promoted"]
    assert decision["reason"].startswith("The champion cannot be compared: ")
    assert decision["reason"].endswith("To replace it unseen run: dl promote pets --force")
    assert decide(contest, forced=True)["promoted"]


def test_other_options_of_split_are_told_for_they_may_flatter_the_champion(contest: Contest) -> None:
    contest.export(answers(20))
    decide(contest)
    contest.write(split={"seed": 5})
    contest.export(answers(10))
    assert ["The options of split have changed" in note for note in decide(contest)["notes"]] == [True]


def test_the_hash_of_the_test_set_is_of_ids_contents_and_targets_alone(contest: Contest) -> None:
    contest.export(answers(0))
    before = decide(contest)["test_set"]["sha256"]
    samples = pl.read_parquet(contest.folder / "clean/samples.parquet")
    samples.sample(fraction=1, shuffle=True, seed=1).with_columns(group=pl.lit("g")).write_parquet(
        contest.folder / "clean/samples.parquet"
    )
    assert decide(contest)["test_set"]["sha256"] == before
    samples.with_columns(target=pl.col("target").reverse()).write_parquet(contest.folder / "clean/samples.parquet")
    assert decide(contest)["test_set"]["sha256"] != before
