"""A learning rate that falls where the val loss no longer does."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from dl_assets.schedulers._steps import Steps

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler


def plateau(
    optimizer: "Optimizer",
    steps: Steps,
    *,
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.1,
    patience: Annotated[int, Field(ge=0, description="epochs without a better val loss that are borne")] = 5,
) -> "list[LRScheduler]":
    """Multiply the rate by `factor` after more than `patience` epochs without a better val loss."""
    from torch.optim.lr_scheduler import LinearLR, ReduceLROnPlateau

    # LinearLR multiplies what the rate is, so that both can act on it; the share with which it ends is 1.
    warmup = LinearLR(optimizer, start_factor=1 / (steps.warmup + 1), total_iters=steps.warmup)
    return [warmup, ReduceLROnPlateau(optimizer, factor=factor, patience=patience)]
