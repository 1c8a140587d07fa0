"""A training that keeps to its minutes: while it goes, what is left is planned anew by what was measured."""

import math
import time
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from dl_assets.config import Train
from dl_assets.training.batches import ShuffledIndices
from dl_assets.training.plan import Plan, epochs_within, most_epochs

_LOOK_SHARE = 0.1  # of the budget, after which it is looked whether the plan holds; of less it could not be told
_WORTH_SHARE = 0.02  # of the budget; by less than that a plan may be wrong
_LEAST_SHARE = 0.05  # of the budget, which the rate is given to fall where nothing is left


class Pace:
    """How far the schedule of the rate has come after so many steps: one for one, until a plan changes.

    What is left of the schedule is then spread over the steps that are left, so the rate never jumps, and ends where it
    should.

    >>> pace = Pace(total=100)
    >>> pace(40), pace.change(at=40, left=30), [pace(step) for step in (40, 41, 42, 69, 70)]
    (40, None, [40, 42, 44, 98, 100])
    """

    def __init__(self, total: int) -> None:
        self._total, self._at, self._reached, self._stride = total, 0, 0, 1.0

    def __call__(self, step: int) -> int:
        return min(self._total, self._reached + round((step - self._at) * self._stride))

    def change(self, at: int, left: int) -> None:
        """Let the schedule, of which step `at` is done, end after `left` more steps."""
        self._at, self._reached = at, self(at)
        self._stride = (self._total - self._reached) / max(1, left)

    def state_dict(self) -> dict[str, Any]:
        return {"at": self._at, "reached": self._reached, "stride": self._stride}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._at, self._reached, self._stride = state["at"], state["reached"], state["stride"]


class Budget(Callback):
    """Makes epochs as long as the plan says, and changes how many are left, and how long, where they would miss the end."""

    def __init__(self, plan: Plan, indices: ShuffledIndices, options: Train) -> None:
        assert plan.seconds is not None and plan.steps is not None
        self._seconds, self._epochs, self._steps = plan.seconds, plan.epochs, plan.steps
        self._indices, self._whole_epoch = indices, len(indices)
        self._accumulate, self._most = options.accumulate, most_epochs(options)
        indices.shorten(plan.steps)
        self.pace = Pace(plan.epochs * math.ceil(plan.steps / options.accumulate))
        self._spent_before = 0.0
        self._begun = time.monotonic()
        self._look_again()

    def state_dict(self) -> dict[str, Any]:
        return {"epochs": self._epochs, "steps": self._steps, "pace": self.pace.state_dict(), "spent": self._spent()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._epochs, self._steps, self._spent_before = (state_dict[name] for name in ("epochs", "steps", "spent"))
        self.pace.load_state_dict(state_dict["pace"])

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._begun = time.monotonic()
        self._look_again()
        self._follow(trainer)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        trainer.reload_dataloaders_every_n_epochs = 0  # type: ignore[attr-defined]
        self._stepping_since = time.monotonic()

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._stepped += time.monotonic() - self._stepping_since

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        done = trainer.current_epoch + 1
        self._looked_at += 1
        # One device measures for all, which could otherwise come to different ends.
        planned = trainer.strategy.broadcast(self._plan_anew(done) if trainer.is_global_zero else None)
        if planned is None:
            return
        left, self._steps = planned
        self._epochs = done + left
        self.pace.change(trainer.global_step, left * math.ceil(self._steps / self._accumulate))
        self._follow(trainer)
        if trainer.is_global_zero:
            epochs = f"{left} more epoch{'s' * (left != 1)}"
            print(f"{epochs} of {self._steps} steps instead, to keep to the budget", flush=True)

    def _plan_anew(self, done: int) -> tuple[int, int] | None:
        """Return how many more epochs there should be, and of how many steps; None to leave it as it is."""
        planned, taken = self._epochs - done, time.monotonic() - self._looking_since
        if not planned or taken < _LOOK_SHARE * self._seconds:
            return None
        step = self._stepped / (self._looked_at * self._steps)
        beside = (taken - self._stepped) / self._looked_at  # mostly judging on val
        left = self._seconds - self._spent()
        self._look_again()
        if abs(left - planned * (self._steps * step + beside)) < _WORTH_SHARE * self._seconds:
            return None
        left = max(left, _LEAST_SHARE * self._seconds)
        found = epochs_within(left, step, self._whole_epoch, beside, self._most - done, least=planned)
        return None if found == (planned, self._steps) else found

    def _look_again(self) -> None:
        """Measure from now on."""
        self._looking_since = self._stepping_since = time.monotonic()
        self._stepped, self._looked_at = 0.0, 0  # seconds of steps, and epochs

    def _spent(self) -> float:
        return self._spent_before + time.monotonic() - self._begun

    def _follow(self, trainer: pl.Trainer) -> None:
        self._indices.shorten(self._steps)
        trainer.fit_loop.max_epochs = self._epochs
        trainer.reload_dataloaders_every_n_epochs = 1  # type: ignore[attr-defined]  # so that it counts the batches again


def epochs_of(checkpoint: dict[str, Any], plan: Plan) -> int:
    """Return the number of epochs that a training was to have when this checkpoint of Lightning's was written."""
    epochs: int = checkpoint["callbacks"].get(Budget.__qualname__, {}).get("epochs", plan.epochs)
    return epochs
