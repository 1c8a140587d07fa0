"""How the learning rate goes, step by step."""

import math

import pytest
import torch
from torch import nn

from dl_assets import registry
from dl_assets.schedulers._steps import Steps

SCHEDULERS = registry.names("schedulers")


def optimizer(momentum: float = 0.9) -> torch.optim.Optimizer:
    first, second = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    return torch.optim.SGD([{"params": [first], "lr": 1.0}, {"params": [second], "lr": 0.1}], momentum=momentum)


def rates(
    name: str, total: int, per_epoch: int, warmup: int, losses: list[float] | None = None, **options: object
) -> list[float]:
    """Rate of the first group at each step; `losses` are those of val, one an epoch."""
    held = optimizer()
    schedules = registry.find("schedulers", name)(held, Steps(total, per_epoch, warmup), **options)
    found = []
    for step in range(total):
        found.append(held.param_groups[0]["lr"])
        assert held.param_groups[1]["lr"] == pytest.approx(found[-1] / 10), "every group keeps its share"
        held.step()
        for schedule in schedules:
            if not isinstance(schedule, torch.optim.lr_scheduler.ReduceLROnPlateau):
                schedule.step()
            elif (step + 1) % per_epoch == 0:
                schedule.step((losses or [1.0] * total)[step // per_epoch])
    return found


@pytest.mark.parametrize("name", [name for name in SCHEDULERS if name != "one_cycle"])
def test_the_rate_rises_in_a_line_through_the_warm_up(name):
    assert rates(name, total=40, per_epoch=10, warmup=4)[:5] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])


@pytest.mark.parametrize("name", SCHEDULERS)
def test_no_rate_is_above_the_one_that_is_asked_for(name):
    found = rates(name, total=40, per_epoch=10, warmup=0)
    assert max(found) == pytest.approx(1.0, abs=0.01) and min(found) > 0


@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_schedule_goes_on_from_its_state(name):
    straight, stopped = optimizer(), optimizer()
    make = registry.find("schedulers", name)
    ours, theirs = make(straight, Steps(20, 5, 2)), make(stopped, Steps(20, 5, 2))

    def advance(held, schedules, steps):
        for _ in range(steps):
            held.step()
            for schedule in schedules:
                schedule.step(*([1.0] if isinstance(schedule, torch.optim.lr_scheduler.ReduceLROnPlateau) else []))

    advance(straight, ours, 12)
    advance(stopped, theirs, 7)
    resumed = optimizer()
    again = make(resumed, Steps(20, 5, 2))
    resumed.load_state_dict(stopped.state_dict())
    for schedule, before in zip(again, theirs, strict=True):
        schedule.load_state_dict(before.state_dict())
    advance(resumed, again, 5)
    assert [group["lr"] for group in resumed.param_groups] == pytest.approx([group["lr"] for group in straight.param_groups])


def test_a_constant_rate_stays():
    assert rates("constant", total=20, per_epoch=5, warmup=0) == [1.0] * 20


def test_a_cosine_falls_to_what_is_left():
    found = rates("cosine", total=12, per_epoch=4, warmup=2, final=0.1)
    expected = [0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * step / 10)) for step in range(10)]
    assert found[2:] == pytest.approx(expected)


def test_steps_come_after_so_many_epochs():
    found = rates("step", total=30, per_epoch=5, warmup=0, every_epochs=2, factor=0.5)
    assert found == pytest.approx([1.0] * 10 + [0.5] * 10 + [0.25] * 10)


def test_one_cycle_rises_and_falls_and_moves_momentum_the_other_way():
    held = optimizer()
    [schedule] = registry.find("schedulers", "one_cycle")(held, Steps(100, 10, 5), rise=0.3, start=0.04)
    found = []
    for _ in range(100):
        found.append((held.param_groups[0]["lr"], held.param_groups[0]["momentum"]))
        held.step()
        schedule.step()
    rate, momentum = zip(*found, strict=True)
    assert rate[0] == pytest.approx(0.04) and momentum[0] == pytest.approx(0.9)
    top = rate.index(max(rate))
    assert top == 30 or top == 29
    assert momentum[top] == pytest.approx(0.8, abs=0.01) and momentum[-1] == pytest.approx(0.9, abs=0.01)


def test_one_cycle_leaves_an_optimizer_without_momentum_without_it():
    held = optimizer(momentum=0.0)
    registry.find("schedulers", "one_cycle")(held, Steps(100, 10, 5))
    assert held.param_groups[0]["momentum"] == 0.0


def test_a_plateau_is_left_by_a_lower_rate():
    found = rates("plateau", total=30, per_epoch=5, warmup=0, losses=[3.0, 2.0, 2.0, 2.0, 2.0, 2.0], factor=0.1, patience=1)
    assert found[:20] == pytest.approx([1.0] * 20)
    assert found[20:] == pytest.approx([0.1] * 10)
