"""RMSprop, which divides by the size of recent gradients."""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

if TYPE_CHECKING:
    from torch.optim import Optimizer


def rmsprop(
    groups: list[dict[str, Any]],
    *,
    alpha: Annotated[float, Field(ge=0, lt=1, description="memory of the squared gradient")] = 0.99,
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.0,
) -> "Optimizer":
    """RMSprop (Tieleman and Hinton, 2012)."""
    from torch.optim import RMSprop

    return RMSprop(groups, alpha=alpha, momentum=momentum)
