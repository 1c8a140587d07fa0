"""Focal loss of labels, each for itself."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from dl_assets import registry

if TYPE_CHECKING:
    from torch import Tensor


@registry.loss(fits="labels")
def binary_focal(
    outputs: "Tensor",
    encoded: "Tensor",
    weights: "Tensor | None" = None,
    *,
    gamma: Annotated[float, Field(ge=0, le=10, description="how much less a sure answer counts; 0 is cross-entropy")] = 2.0,
) -> "Tensor":
    """Binary cross-entropy times (1 - p) ** gamma, where p is the probability of the right answer, the mean over all.

    outputs [B, L] before the sigmoid, encoded [B, L] of 0 and 1, weights [L] of the labels that are there, or None -> [].
    Lin, Goyal, Girshick, He and Dollar, Focal Loss for Dense Object Detection, ICCV 2017, equation 4.
    """
    from torch.nn import functional

    losses = functional.binary_cross_entropy_with_logits(outputs, encoded, reduction="none")  # [B, L]
    focused = (1 - (-losses).exp()) ** gamma * losses
    return focused.mean() if weights is None else (focused * (1 + encoded * (weights - 1))).mean()
