"""A learning rate that falls in steps."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from dl_assets.schedulers._steps import Steps, after_warmup

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler


def step(
    optimizer: "Optimizer",
    steps: Steps,
    *,
    every_epochs: Annotated[int, Field(ge=1)] = 10,
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.1,
) -> "list[LRScheduler]":
    """Multiply the rate by `factor` every so many epochs after the warm-up."""
    length = every_epochs * steps.per_epoch
    return [after_warmup(optimizer, steps, lambda done: factor ** int(done / length))]
