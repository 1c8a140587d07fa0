"""The section `tune`."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from dl_assets.registry import Options
from dl_assets.sections.shared import Seed


class Range(Options):
    """Numbers from `low` to `high`, both included, in a search space."""

    low: int | float
    high: int | float
    log: Annotated[bool, Field(description="draw the order of magnitude evenly, as a learning rate needs it")] = False
    step: Annotated[int | float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _ordered(self) -> "Range":
        if self.low >= self.high:
            raise ValueError(f"has low {self.low:g} and high {self.high:g}, but high must be more than low")
        if self.log and self.low <= 0:
            raise ValueError(f"has `log: true` and low {self.low:g}, but only what is more than 0 has a logarithm")
        if self.log and self.step:
            raise ValueError("has `log: true` and a step. Keep one of them, or write a list")
        return self


class Tune(Options):
    """How `dl tune` searches for better values; no stage depends on it."""

    trials: Annotated[
        int | None, Field(ge=1, description="trainings in all; 30 where nothing is said, and with `grid` every combination")
    ] = None
    sampler: Annotated[
        Literal["tpe", "random", "grid"], Field(description="tpe: learns from the trials before; grid: every combination once")
    ] = "tpe"
    pruner: Annotated[
        Literal["median", "hyperband", "none"], Field(description="which trials end early because others are better by then")
    ] = "median"
    metric: Annotated[str, Field(description="what decides: a column of history.csv that was measured on the val part")] = (
        "val_loss"
    )
    minutes: Annotated[float | None, Field(gt=0, description="no trial begins later than this; those that run go on")] = None
    workers: Annotated[int, Field(ge=1, description="processes that train at the same time")] = 1
    seed: Seed = 17
    space: Annotated[
        dict[str, Any],
        Field(
            min_length=1, description="places of model, train and augment, such as train.learning_rate, and what to try there"
        ),
    ]
