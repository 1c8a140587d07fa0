"""Cross-entropy of classes."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from dl_assets import registry

if TYPE_CHECKING:
    from torch import Tensor


@registry.loss(fits="classes")
def cross_entropy(
    outputs: "Tensor",
    encoded: "Tensor",
    weights: "Tensor | None" = None,
    *,
    label_smoothing: Annotated[float, Field(ge=0, lt=1, description="share of a target that is spread over all classes")] = 0.0,
) -> "Tensor":
    """Cross-entropy of the class, the mean over the batch.

    outputs [B, C] before the softmax, encoded [B], weights [C] or None -> []. With weights it is the weighted mean.
    """
    from torch.nn import functional

    return functional.cross_entropy(outputs, encoded, weights, label_smoothing=label_smoothing)
