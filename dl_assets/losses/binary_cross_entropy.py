"""Binary cross-entropy of labels, each for itself."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from dl_assets import registry

if TYPE_CHECKING:
    from torch import Tensor


@registry.loss(fits="labels")
def binary_cross_entropy(
    outputs: "Tensor",
    encoded: "Tensor",
    weights: "Tensor | None" = None,
    *,
    label_smoothing: Annotated[float, Field(ge=0, lt=1, description="by how much 0 and 1 are drawn to a half, twice")] = 0.0,
) -> "Tensor":
    """Binary cross-entropy of every label, the mean over batch and labels.

    outputs [B, L] before the sigmoid, encoded [B, L] of 0 and 1, weights [L] of the labels that are there, or None -> [].
    A label that is there counts as 1 - label_smoothing / 2.
    """
    from torch.nn import functional

    smoothed = encoded * (1 - label_smoothing) + label_smoothing / 2
    return functional.binary_cross_entropy_with_logits(outputs, smoothed, pos_weight=weights)
