"""Muon, which changes whole matrices of weights at once."""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from dl_assets.optimizers._fused import is_fused

if TYPE_CHECKING:
    from torch.optim import Optimizer


def muon(
    groups: list[dict[str, Any]],
    *,
    momentum: Annotated[float, Field(ge=0, lt=1, description="memory of the gradient")] = 0.9,
    beta2: Annotated[float, Field(ge=0, lt=1, description="memory of the squared gradient, of what is no matrix")] = 0.999,
) -> "Optimizer":
    """Muon (Jordan et al., 2024) for matrices and kernels, AdamW for the rest; learns more of each step than AdamW.

    A step costs more, the less the larger the batch. Takes about the rates of adamw.
    """
    from dl_assets.optimizers._muon import Muon

    return Muon(groups, betas=(momentum, beta2), fused=is_fused(groups))
