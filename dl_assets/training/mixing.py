"""MixUp and CutMix: a sample is mixed with another one of its batch, and is to be answered with both their targets."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

_NOBODY = torch.arange(0)


@dataclass(frozen=True)
class Mixed:
    """A batch [B, ...] whose samples hold `own_share` of themselves, and for the rest the sample at `partner` [B]."""

    shown: Tensor
    partner: Tensor
    own_share: float

    def loss(self, loss_of: Callable[[Tensor], Tensor], encoded: Tensor) -> Tensor:
        """Return the loss of the encoded targets [B, ...] of both, by their shares; `loss_of` takes such targets."""
        if self.own_share == 1:
            return loss_of(encoded)
        return self.own_share * loss_of(encoded) + (1 - self.own_share) * loss_of(encoded[self.partner])


@dataclass(frozen=True)
class Mixing:
    """Mixes a `share` of the batches; where both alphas are above 0, by either method as often.

    What is drawn follows from the seed, the epoch and the number of the batch, not from who loads it.
    """

    mixup: float = 0.0
    cutmix: float = 0.0
    share: float = 0.8
    seed: int = 0

    def __call__(self, shown: Tensor, *, epoch: int, batch_index: int) -> Mixed:
        """Mix preprocessed samples: float [B, ...] for MixUp, [B, C, H, W] for CutMix. They are not written to."""
        methods = [method for method, alpha in ((self._mixup, self.mixup), (self._cutmix, self.cutmix)) if alpha > 0]
        if not methods:
            return Mixed(shown, _NOBODY, 1.0)
        rng = np.random.default_rng((self.seed, epoch, batch_index))
        if rng.random() >= self.share:
            return Mixed(shown, _NOBODY, 1.0)
        method = methods[int(rng.integers(len(methods)))]
        partner = torch.from_numpy(rng.permutation(len(shown))).to(shown.device)
        return method(shown, partner, rng)

    def _mixup(self, shown: Tensor, partner: Tensor, rng: np.random.Generator) -> Mixed:
        """Zhang, Cisse, Dauphin and Lopez-Paz, mixup: Beyond Empirical Risk Minimization, ICLR 2018."""
        own_share = float(rng.beta(self.mixup, self.mixup))
        return Mixed(torch.lerp(shown[partner], shown, own_share), partner, own_share)

    def _cutmix(self, shown: Tensor, partner: Tensor, rng: np.random.Generator) -> Mixed:
        """Yun, Han, Oh, Chun, Choe and Yoo, CutMix, ICCV 2019. The share is that of the pixels, as the patch may stick out."""
        height, width = shown.shape[2:]
        side = float(np.sqrt(1 - rng.beta(self.cutmix, self.cutmix)))  # of the patch, as a share of the picture's
        rows, columns = _span(height, side, rng), _span(width, side, rng)
        mixed = shown.clone()
        mixed[:, :, rows, columns] = shown[:, :, rows, columns][partner]
        patch = (rows.stop - rows.start) * (columns.stop - columns.start)
        return Mixed(mixed, partner, 1 - patch / (height * width))


def _span(length: int, share: float, rng: np.random.Generator) -> Any:
    """Return the slice of `share` of the length around a random centre, as far as it lies inside."""
    center, half = int(rng.integers(length)), int(length * share) // 2
    return slice(max(0, center - half), min(length, center + half))
