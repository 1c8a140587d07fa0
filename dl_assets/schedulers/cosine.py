"""A learning rate that falls in half a cosine."""

import math
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from dl_assets.schedulers._steps import Steps, after_warmup

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler


def cosine(
    optimizer: "Optimizer",
    steps: Steps,
    *,
    final: Annotated[float, Field(ge=0, le=1, description="share of the rate that is left at the end")] = 0.0,
) -> "list[LRScheduler]":
    """Half a cosine from the end of the warm-up down to `final` (Loshchilov and Hutter, SGDR, 2017, without restarts)."""
    length = max(1, steps.total - steps.warmup)
    return [after_warmup(optimizer, steps, lambda step: final + (1 - final) * half_cosine(step / length))]


def half_cosine(progress: float) -> float:
    """Fall from 1 to 0 while `progress` goes from 0 to 1.

    >>> [round(half_cosine(step / 4), 2) for step in range(6)]
    [1.0, 0.85, 0.5, 0.15, 0.0, 0.0]
    """
    return 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
