"""A learning rate that stays as it is."""

from typing import TYPE_CHECKING

from dl_assets.schedulers._steps import Steps, after_warmup

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler


def constant(optimizer: "Optimizer", steps: Steps) -> "list[LRScheduler]":
    """The same rate from the end of the warm-up on."""
    return [after_warmup(optimizer, steps, lambda _: 1.0)]
