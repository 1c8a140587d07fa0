"""A learning rate that rises and falls once."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from dl_assets.schedulers._steps import Steps

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler


def one_cycle(
    optimizer: "Optimizer",
    steps: Steps,
    *,
    rise: Annotated[float, Field(gt=0, lt=1, description="share of the training in which the rate rises")] = 0.3,
    start: Annotated[float, Field(gt=0, le=1, description="share of the rate with which it begins")] = 0.04,
) -> "list[LRScheduler]":
    """Up and down in half cosines, momentum the other way round (Smith and Topin, Super-Convergence, 2018).

    It has its own warm-up, `rise`, in place of `train.warmup_epochs`.
    """
    from torch.optim.lr_scheduler import OneCycleLR

    rates = [group["lr"] for group in optimizer.param_groups]
    momentum = optimizer.defaults.get("momentum", optimizer.defaults.get("betas", [0.0])[0])
    # One step more than are taken: Lightning asks for the rate once more after the last.
    return [
        OneCycleLR(
            optimizer,
            rates,
            steps.total + 1,
            pct_start=rise,
            div_factor=1 / start,
            cycle_momentum=momentum > 0,
            max_momentum=momentum,
            base_momentum=max(0.0, momentum - 0.1),
        )
    ]
