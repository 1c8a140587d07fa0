"""Mean absolute error of numbers."""

from typing import TYPE_CHECKING

from dl_assets import registry

if TYPE_CHECKING:
    from torch import Tensor


@registry.loss(fits="numbers")
def mae(outputs: "Tensor", encoded: "Tensor", weights: "Tensor | None" = None) -> "Tensor":
    """Mean absolute error over the batch: outputs [B, N], encoded [B, N], weights [N] of the numbers or None -> []."""
    from torch.nn import functional

    weight = None if weights is None else weights.expand_as(outputs)
    return functional.l1_loss(outputs, encoded, weight=weight)  # type: ignore[call-arg]
