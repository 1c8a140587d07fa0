"""Mean squared error of numbers."""

from typing import TYPE_CHECKING

from dl_assets import registry

if TYPE_CHECKING:
    from torch import Tensor


@registry.loss(fits="numbers")
def mse(outputs: "Tensor", encoded: "Tensor", weights: "Tensor | None" = None) -> "Tensor":
    """Mean squared error over the batch: outputs [B, N], encoded [B, N], weights [N] of the numbers or None -> []."""
    from torch.nn import functional

    weight = None if weights is None else weights.expand_as(outputs)
    return functional.mse_loss(outputs, encoded, weight=weight)  # type: ignore[call-arg]
