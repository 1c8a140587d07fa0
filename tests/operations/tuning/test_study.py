"""A study of tiny pictures, worked on in this process: what is tried, what becomes of it, and what is best."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import optuna
import polars as pl
import pytest
from optuna.trial import TrialState

from dl_assets.artifacts.tables import CLEAN_SAMPLES, read_table, write_table
from dl_assets.operations.tuning.study import Row, Study
from dl_assets.operations.tuning.trial import reason_of
from dl_assets.operations.tuning.worker import work

RATES = "train.learning_rate: {low: 1.0e-4, high: 1.0e-2, log: true}"


def run(study: Study, target: int | None = None, deadline: float = float("inf")) -> list[Row]:
    """Work until there are `target` trials, as a worker process does."""
    study.mark_killed(set())
    study.line_up(study.target(target))
    work(study.home, "0.0", study.target(target), deadline)
    return study.rows()


def imagine(study: Study, curve: Sequence[float]) -> str:
    """Let a trial have this metric in its epochs, without a training; return what becomes of it."""
    trial = study.next_trial("0.0", 1000)
    assert trial is not None
    for epoch, value in enumerate(curve, 1):
        trial.report(value, epoch)
        if trial.should_prune():
            study.optuna.tell(trial, state=TrialState.PRUNED)
            return "pruned"
    study.optuna.tell(trial, curve[-1])
    return "complete"


def states(rows: list[Row]) -> dict[str, int]:
    return dict(Counter(row.state for row in rows))


# ---- what is tried -----------------------------------------------------------------------------------------------


def test_the_search_finds_the_only_rate_that_learns(project: Any) -> None:
    project.write("{trials: 3, seed: 2, pruner: none, space: {train.learning_rate: [1.0e-12, 1.0e-2, 1.0e-11]}}", epochs="12")
    study = project.study()
    rows = run(study)
    best = study.best()
    assert states(rows) == {"complete": 3}
    assert best and best.values == {"train.learning_rate": 1e-2}
    assert best.value == best.scores["val_loss"] == min(row.value for row in rows if row.value is not None)
    assert best.scores["val_accuracy"] == 1.0


def test_a_grid_tries_every_combination_once_and_makes_each_policy_once(project: Any) -> None:
    project.write(
        "{sampler: grid, pruner: none, space: {train.batch_size: {low: 4, high: 8, step: 4}, "
        "augment: [[], [{Affine: {translate_percent: 0.5}}]]}}",
        epochs="1",
    )
    study = project.study()
    rows = run(study)
    tried = {(row.values["train.batch_size"], str(row.values["augment"])): row.value for row in rows}
    assert states(rows) == {"complete": 4}
    assert len(tried) == len(set(tried.values())) == 4, "each policy is really used"
    assert run(project.study(), target=20) == rows, "nothing is left to be tried"
    assert len(list(study.home.policies.iterdir())) == 1
    assert not list(study.home.scratch.glob("trial-*")), "what a trial has made is gone with it"


def test_a_grid_cut_short_is_gone_on_with_elsewhere(project: Any) -> None:
    project.write("{sampler: grid, space: {train.seed: {low: 1, high: 6, step: 1}, train.batch_size: [4, 8]}}")
    study = project.study()
    for target in (5, 12):
        study.line_up(target)
        while study.next_trial("0.0", target):
            pass
    fixed = [str(trial.params) for trial in study.optuna.get_trials()]
    assert len(fixed) == len(set(fixed)) == study.target() == 12
    assert len({trial.params["train.seed"] for trial in study.optuna.get_trials()[:5]}) > 2, "not all at one end"


def test_the_values_that_the_pipeline_has_are_tried_first_and_the_next_can_be_read(project: Any) -> None:
    project.write(f"{{trials: 3, space: {{{RATES}, train.epochs: {{low: 1, high: 3}}, model.dropout: [0.1, 0.5]}}}}")
    study = project.study()
    first, *others = run(study)
    assert first.values == {"train.learning_rate": 3e-3, "train.epochs": 3, "model.dropout": 0.1}
    assert study.present() == first
    for row in others:
        rate, epochs = row.values["train.learning_rate"], row.values["train.epochs"]
        assert rate == float(f"{rate:.4g}"), "a number between two others has four digits"
        assert isinstance(epochs, int) and row.epochs == epochs


@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_what_is_drawn_depends_on_the_seed_and_not_on_interruptions(project: Any, sampler: str) -> None:
    def drawn(seed: int, *targets: int) -> list[str]:
        project.write(f"{{sampler: {sampler}, seed: {seed}, space: {{{RATES}, train.weight_decay: {{low: 0, high: 1}}}}}}")
        for target in targets:
            study = project.study()  # opened anew, as after a kill
            while (trial := study.next_trial("0.0", target)) is not None:
                study.optuna.tell(trial, trial.params["train.weight_decay"])
        params = [str(trial.params) for trial in study.optuna.get_trials()]
        study.home.journal.unlink()
        return params

    undisturbed = drawn(1, 14)
    assert drawn(1, 3, 4, 12, 14) == undisturbed
    assert len(set(undisturbed)) == 14, "no draw is repeated"
    assert drawn(2, 14) != undisturbed


# ---- how a trial ends --------------------------------------------------------------------------------------------


def test_a_hopeless_trial_is_ended_early(project: Any) -> None:
    project.write("{pruner: median, space: {train.learning_rate: [1.0e-12, 1.0e-13]}}", epochs="10")
    study = project.study()
    assert [imagine(study, [0.1] * 10) for _ in range(5)] == ["complete"] * 5
    hopeless = run(study, 6)[5]
    assert hopeless.state == "pruned"
    assert 1 < hopeless.epochs < 10
    assert study.best() is not None and study.best() != hopeless


def test_without_pruning_the_hopeless_go_on_to_their_end(project: Any) -> None:
    project.write("{pruner: none, space: {train.learning_rate: [1.0e-12, 1.0e-13]}}", epochs="10")
    study = project.study()
    ends = [imagine(study, [value] * 10) for value in (0.1, 0.1, 0.1, 0.1, 0.1, 9.0)]
    assert ends == ["complete"] * 6


def test_hyperband_ends_the_worse_ones_early_and_never_the_best(project: Any) -> None:
    project.write(f"{{pruner: hyperband, space: {{{RATES}}}}}", epochs="9")
    study = project.study()
    ends = {value: imagine(study, [value] * 9) for value in range(30, 0, -1)}  # each is better than those before
    assert set(ends.values()) == {"complete"}
    ends = {value: imagine(study, [value] * 9) for value in range(31, 61)}
    assert list(ends.values()).count("pruned") > 10


def test_a_loss_that_is_no_number_is_a_reason_and_the_study_goes_on(project: Any) -> None:
    project.write("{sampler: grid, space: {train.learning_rate: [1.0e-3, 1.0e+30]}}", epochs="30")
    rows = run(project.study())
    failed = next(row for row in rows if row.state == "failed")
    assert states(rows) == {"complete": 1, "failed": 1}
    assert "loss became" in failed.reason and "at a learning rate of" in failed.reason
    assert (failed.value, failed.values) == (None, {"train.learning_rate": 1e30})


def test_values_that_do_not_go_together_are_a_reason(project: Any) -> None:
    project.write("{sampler: grid, space: {augment: [light, medium], augment.transforms: [[HorizontalFlip], [VerticalFlip]]}}")
    rows = run(project.study())
    assert states(rows) == {"failed": 4}
    assert all("augment has a preset and transforms" in row.reason for row in rows)


def test_a_trial_that_ends_in_an_error_has_its_kind_and_its_words() -> None:
    assert reason_of(ValueError("odd\nenough")) == "ValueError: odd enough"


# ---- killed ------------------------------------------------------------------------------------------------------


def test_a_trial_whose_worker_is_gone_is_marked_and_made_up_for(project: Any) -> None:
    project.write(f"{{space: {{{RATES}}}}}")
    study = project.study()
    study.line_up(3)
    lost = study.next_trial("0.0", 3)
    assert lost is not None
    study = project.study()
    study.mark_killed(set())
    study.line_up(3)
    while (trial := study.next_trial("0.0", 3)) is not None:
        study.optuna.tell(trial, 1.0)
    assert [row.state for row in study.rows()] == ["killed", "complete", "complete", "complete"]
    assert study.present() is not None, "the killed one had the values of now, so they are tried again"
    assert len({str(trial.params) for trial in study.optuna.get_trials()}) == 3


def test_a_combination_whose_worker_is_gone_is_tried_again(project: Any) -> None:
    project.write("{sampler: grid, space: {train.learning_rate: [1.0e-3, 1.0e-2, 1.0e-1]}}")
    study = project.study()
    study.line_up(3)
    study.next_trial("0.0", 3)
    study.mark_killed(set())
    study.line_up(3)
    while (trial := study.next_trial("0.0", 3)) is not None:
        study.optuna.tell(trial, 1.0)
    complete = [trial.params["train.learning_rate"] for trial in study.optuna.get_trials(states=(TrialState.COMPLETE,))]
    assert states(study.rows()) == {"killed": 1, "complete": 3}
    assert sorted(map(json.loads, complete)) == [1e-3, 1e-2, 1e-1]


def test_the_trial_of_a_living_worker_is_left_alone_and_counted(project: Any) -> None:
    study = project.study()
    assert study.next_trial("0.0", 1) is not None
    study.mark_killed({"0.0"})
    assert states(study.rows()) == {"running": 1}
    assert study.next_trial("1.1", 1) is None


def test_after_the_deadline_no_trial_begins(project: Any) -> None:
    assert run(project.study(), 3, deadline=0.0) == []


# ---- what decides ------------------------------------------------------------------------------------------------


def test_the_test_part_is_never_touched(project: Any) -> None:
    project.write("{trials: 1, space: {train.learning_rate: [3.0e-3, 1.0e-2]}}")
    before = run(project.study())
    clean = project.root / "data" / "tiny" / "clean"
    samples = read_table(CLEAN_SAMPLES, clean)
    in_test = pl.int_range(len(samples)) >= 32
    broken = samples.with_columns(
        target=pl.when(in_test).then(pl.lit("no such class")).otherwise("target"),
        shard=pl.when(in_test).then(99).otherwise("shard"),
    )
    write_table(CLEAN_SAMPLES, clean, broken)
    study = project.study()
    assert study.rows() == before, "another test part is no reason for a new study"
    study.home.journal.unlink()
    again = run(project.study())
    assert [(row.values, row.value, row.scores) for row in again] == [(row.values, row.value, row.scores) for row in before]


def test_a_score_is_that_of_the_epoch_that_is_kept_and_more_is_better(project: Any) -> None:
    project.write("{trials: 1, metric: val_accuracy, space: {train.learning_rate: [3.0e-3, 1.0e-2]}}")
    study = project.study()
    (row,) = run(study)
    assert row.value == row.scores["val_accuracy"]
    assert study.optuna.direction == optuna.study.StudyDirection.MAXIMIZE
