"""Focal loss of classes, which looks away from what is easy."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from dl_assets import registry

if TYPE_CHECKING:
    from torch import Tensor


@registry.loss(fits="classes")
def focal(
    outputs: "Tensor",
    encoded: "Tensor",
    weights: "Tensor | None" = None,
    *,
    gamma: Annotated[float, Field(ge=0, le=10, description="how much less a sure answer counts; 0 is cross-entropy")] = 2.0,
) -> "Tensor":
    """Cross-entropy times (1 - p) ** gamma, where p is the probability of the right class, the mean over the batch.

    outputs [B, C] before the softmax, encoded [B], weights [C] or None -> []. With weights it is the weighted mean.
    Lin, Goyal, Girshick, He and Dollar, Focal Loss for Dense Object Detection, ICCV 2017, equation 4.
    """
    from torch.nn import functional

    losses = functional.cross_entropy(outputs, encoded, reduction="none")  # [B]
    focused = (1 - (-losses).exp()) ** gamma * losses
    if weights is None:
        return focused.mean()
    own = weights[encoded]  # [B]
    return (own * focused).sum() / own.sum()
