"""Huber loss of numbers: squared where the error is small, absolute where it is large."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from dl_assets import registry

if TYPE_CHECKING:
    from torch import Tensor


@registry.loss(fits="numbers")
def huber(
    outputs: "Tensor",
    encoded: "Tensor",
    weights: "Tensor | None" = None,
    *,
    delta: Annotated[float, Field(gt=0, description="error at which it turns from squared to absolute")] = 1.0,
) -> "Tensor":
    """Huber loss over the batch: outputs [B, N], encoded [B, N], weights [N] of the numbers or None -> [].

    Huber, Robust Estimation of a Location Parameter, 1964: half the squared error up to delta, then straight on.
    """
    from torch.nn import functional

    weight = None if weights is None else weights.expand_as(outputs)
    return functional.huber_loss(outputs, encoded, delta=delta, weight=weight)  # type: ignore[call-arg]
