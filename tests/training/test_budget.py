"""A budget in minutes is kept where the machine becomes slower or faster than it was when the plan was made."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pytorch_lightning.strategies import SingleDeviceStrategy

from dl_assets.config import Pipeline
from dl_assets.training.fit import fit
from dl_assets.training.history import Row
from dl_assets.training.learner import Learner
from dl_assets.training.plan import Plan

STEPS, EPOCHS = 12, 6  # 24 samples in batches of two
VAL_SECONDS = 0.5
PLANNED = EPOCHS * (STEPS + VAL_SECONDS)  # a step of a second


class Killed(Exception):
    pass


class Clock:
    """Time that passes only with the steps of a training; `seconds` tells how long step number n takes."""

    def __init__(self, seconds: Callable[[int], float]) -> None:
        self.now, self.steps, self._seconds = 0.0, 0, seconds

    def monotonic(self) -> float:
        return self.now

    def step(self) -> None:
        self.now += self._seconds(self.steps)
        self.steps += 1


Train = Callable[..., list[dict[str, float]]]


@pytest.fixture
def train(
    samples: pl.DataFrame,
    pipeline: Callable[..., Pipeline],
    write_policy: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Train:
    """Train by this clock with a plan of six epochs in `PLANNED` seconds; return the rows of the history."""
    plan = Plan(EPOCHS, 0, 3e-3, 32, False, 1.0, STEPS, PLANNED)
    monkeypatch.setattr("dl_assets.training.fit.make_plan", lambda *_: plan)
    augmented = write_policy(tmp_path / "augmented")
    learns, judges = Learner.training_step, Learner.validation_step

    def run(clock: Clock, on_epoch: Callable[[Row], None] | None = None, **options: Any) -> list[dict[str, float]]:
        def step(self: Learner, *arguments: Any) -> Any:
            clock.step()
            return learns(self, *arguments)

        def judge(self: Learner, *arguments: Any) -> None:
            clock.now += VAL_SECONDS
            judges(self, *arguments)

        monkeypatch.setattr("dl_assets.training.budget.time", clock)
        monkeypatch.setattr(Learner, "training_step", step)
        monkeypatch.setattr(Learner, "validation_step", judge)
        out = tmp_path / "model"
        out.mkdir(exist_ok=True)
        options = {"epochs": None, "budget_minutes": 1.0, "batch_size": 2, "early_stopping": 0, "warmup_epochs": 0.5, **options}
        places = {"clean": tmp_path / "clean", "augmented": augmented, "out": out, "checkpoints": tmp_path / "kept"}
        fit(pipeline(**options), samples=samples, **places, on_epoch=on_epoch)
        with (out / "history.csv").open(newline="") as file:
            return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]

    return run


def steady(step: int) -> float:
    return 1.0


def slower(step: int) -> float:
    return 1.0 if step < 2 * STEPS else 2.0


def faster(step: int) -> float:
    return 1.0 if step < 2 * STEPS else 0.4


def test_a_plan_that_holds_is_left_as_it_is(train: Train) -> None:
    clock = Clock(steady)
    assert len(train(clock)) == EPOCHS
    assert (clock.steps, clock.now) == (EPOCHS * STEPS, PLANNED)


@pytest.mark.parametrize("options", [{}, {"average": "ema", "accumulate": 3}, {"average": "swa"}], ids=str)
@pytest.mark.parametrize("pace", [slower, faster])
def test_a_machine_of_another_pace_ends_at_the_same_time(
    train: Train, pace: Callable[[int], float], options: dict[str, Any]
) -> None:
    clock = Clock(pace)
    rates = [row["learning_rate"] for row in train(clock, **options)]
    # An epoch goes by before it is seen, for which the rest makes up; what is left of the time is under a step an epoch.
    assert 0.9 * PLANNED < clock.now <= PLANNED
    assert clock.steps < EPOCHS * STEPS if pace is slower else clock.steps > 1.3 * EPOCHS * STEPS
    assert rates == sorted(rates, reverse=True), "it never rises again"
    assert rates[-1] < 1e-9, "and has fallen to nothing at the end"


@pytest.mark.parametrize(
    ("scheduler", "last"),
    [
        ({"name": "cosine", "final": 0.5}, 1.5e-3),
        ("constant", 3e-3),
        ({"name": "step", "every_epochs": 2}, 3e-5),
        ({"name": "one_cycle", "start": 1e-6}, 0.0),
        ({"name": "plateau", "patience": 20}, 3e-3),
    ],
    ids=str,
)
def test_every_schedule_ends_where_it_should(train: Train, scheduler: Any, last: float) -> None:
    assert train(Clock(slower), scheduler=scheduler)[-1]["learning_rate"] == pytest.approx(last, abs=2e-5)


def test_no_more_epochs_than_are_asked_for(train: Train) -> None:
    clock = Clock(faster)
    assert len(train(clock, epochs=EPOCHS)) == EPOCHS
    assert clock.steps == EPOCHS * STEPS


def test_what_one_device_decides_all_follow(train: Train, monkeypatch: pytest.MonkeyPatch) -> None:
    decided = iter([(2, 5)])

    def broadcast(_: SingleDeviceStrategy, told: Any, src: int = 0) -> Any:
        return next(decided, None) if told is None or isinstance(told, tuple) else told

    monkeypatch.setattr(SingleDeviceStrategy, "broadcast", broadcast)
    clock = Clock(steady)
    assert len(train(clock)) == 3
    assert clock.steps == STEPS + 2 * 5


def test_a_machine_that_stood_still_lets_the_rate_fall_before_the_end(train: Train) -> None:
    clock = Clock(lambda step: 1000.0 if step == STEPS else 1.0)
    rows = train(clock)
    assert len(rows) > 2 and rows[-1]["learning_rate"] < 1e-9
    assert clock.now < 1000 + PLANNED / 2


@pytest.mark.parametrize("epoch", [1, 3, 4])
def test_a_killed_training_keeps_to_its_budget_and_to_what_was_changed(
    train: Train, monkeypatch: pytest.MonkeyPatch, epoch: int
) -> None:
    """The seconds of all epochs that are kept count, whichever attempt they are of, and the rate goes on from where it was."""
    monkeypatch.setattr("dl_assets.training.recovery._SECONDS_BETWEEN_EPOCHS_KEPT", 0.0)
    first, kept = Clock(slower), (0.0, 0)

    def end(row: Row) -> None:
        nonlocal kept
        if row["epoch"] > epoch:
            raise Killed
        kept = first.now, first.steps

    with pytest.raises(Killed):
        train(first, end)
    second = Clock(lambda step: slower(step + kept[1]))
    rows = train(second)
    assert 0.9 * PLANNED < kept[0] + second.now <= PLANNED
    rates = [row["learning_rate"] for row in rows]
    assert rates == sorted(rates, reverse=True) and rates[-1] < 1e-9
    assert [row["epoch"] for row in rows] == list(range(1, len(rows) + 1))
