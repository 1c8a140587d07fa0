"""What a schedule must know of the training, and the warm-up that most of them begin with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler


@dataclass(frozen=True)
class Steps:
    """Steps of the optimizer: all of them, those of one epoch, and those in which the rate rises in a line."""

    total: int
    per_epoch: float
    warmup: int


def after_warmup(optimizer: "Optimizer", steps: Steps, share: Callable[[int], float]) -> "LRScheduler":
    """Scale every group's own rate: up in a line, then by the `share` of the number of steps since."""
    from torch.optim.lr_scheduler import LambdaLR

    def factor(step: int) -> float:
        return (step + 1) / (steps.warmup + 1) if step < steps.warmup else share(step - steps.warmup)

    return LambdaLR(optimizer, factor)
