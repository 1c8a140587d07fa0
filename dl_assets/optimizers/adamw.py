"""AdamW, which gives every weight its own step."""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from dl_assets.optimizers._fused import is_fused

if TYPE_CHECKING:
    from torch.optim import Optimizer


def adamw(
    groups: list[dict[str, Any]],
    *,
    beta1: Annotated[float, Field(ge=0, lt=1, description="memory of the gradient")] = 0.9,
    beta2: Annotated[float, Field(ge=0, lt=1, description="memory of the squared gradient")] = 0.999,
) -> "Optimizer":
    """Adam with weight decay apart from the gradient (Loshchilov and Hutter, 2019); the place to begin."""
    from torch.optim import AdamW

    return AdamW(groups, betas=(beta1, beta2), fused=is_fused(groups))
