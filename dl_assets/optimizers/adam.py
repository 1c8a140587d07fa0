"""Adam, which gives every weight its own step."""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from dl_assets.optimizers._fused import is_fused

if TYPE_CHECKING:
    from torch.optim import Optimizer


def adam(
    groups: list[dict[str, Any]],
    *,
    beta1: Annotated[float, Field(ge=0, lt=1, description="memory of the gradient")] = 0.9,
    beta2: Annotated[float, Field(ge=0, lt=1, description="memory of the squared gradient")] = 0.999,
) -> "Optimizer":
    """Adam (Kingma and Ba, 2015), whose weight decay is part of the gradient."""
    from torch.optim import Adam

    return Adam(groups, betas=(beta1, beta2), fused=is_fused(groups))
