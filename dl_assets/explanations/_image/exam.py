"""Some pictures of the test part that are changed to see whether the network still answers them right."""

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from dl_assets import registry
from dl_assets.explanations._drawn import of_total, some
from dl_assets.explanations._image.asked import Asked
from dl_assets.explanations._image.explained import read_pictures
from dl_assets.explanations._image.kinds import KINDS, Kind

Truths = NDArray[np.bool_]
# A sample is shown to the network about so many times: 31 times for corruptions, and, as most attacks succeed early,
# no more than 20 times forth and back.
_PASSES = 90
_BUDGET, _LEAST_SAMPLES = 1e12, 32


@dataclass(frozen=True)
class Exam:
    """N pictures, uint8 [N, H, W, C], whose targets are known, of the `total` in the part.

    `truth` [N, ...] is what the targets are for a loss, and `strata` [N] are lists of names, to compare with answers.
    """

    asked: Asked
    pictures: NDArray[np.uint8]
    truth: NDArray[Any]
    strata: pl.Series
    total: int
    fitted: dict[str, Any]
    kind: Kind
    module: ModuleType  # of the kind of target

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def told(self) -> str:
        """Say how many samples are looked at."""
        return of_total(len(self), self.total)

    def pixels(self, indices: NDArray[np.int64]) -> Tensor:
        return self.asked.pixels(self.pictures[indices])

    @torch.no_grad()
    def is_right(self, pixels: Tensor, indices: NDArray[np.int64]) -> Truths:
        """Return whether each picture [B, H, W, C], made from the one of this index, is answered right, [B]."""
        outputs = [self.asked.outputs(pixels[batch]) for batch in self.asked.batches(len(pixels))]
        return self._is_right(torch.cat(outputs), indices) if outputs else np.zeros(0, dtype=np.bool_)

    def look(self, pixels: Tensor, indices: NDArray[np.int64]) -> tuple[Truths, Tensor]:
        """Return the same, and in which direction each pixel makes the answer worse: -1, 0 or 1, as the pictures are."""
        rights, signs = [], []
        for batch in self.asked.batches(len(pixels)):
            shown = pixels[batch].detach().requires_grad_()
            outputs = self.asked.outputs(shown)
            truth = torch.from_numpy(self.truth[indices[batch]]).to(outputs.device)
            (gradient,) = torch.autograd.grad(self.kind.losses(outputs, truth).sum(), shown)
            rights.append(self._is_right(outputs, indices[batch]))
            signs.append(gradient.sign())
        return np.concatenate(rights), torch.cat(signs)

    def _is_right(self, outputs: Tensor, indices: NDArray[np.int64]) -> Truths:
        said = self.module.predictions(self.asked.probabilities(outputs), self.fitted)["prediction"]
        is_right: Truths = (self.module.strata(said) == self.strata[indices]).to_numpy()
        return is_right


def draw_exam(
    asked: Asked, test: pl.DataFrame, clean: Path, targets: str, fitted: dict[str, Any], *, most: int, seed: int
) -> Exam:
    """Draw at most so many samples of test by the seed, fewer where the network is costly to ask."""
    affordable = asked.affordable(most, passes=_PASSES, budget=_BUDGET, least=_LEAST_SAMPLES)
    drawn = test[some(len(test), affordable, seed)]
    module = registry.module("targets", targets)
    truth, strata = module.encode(drawn["target"], fitted), module.strata(drawn["target"])
    return Exam(asked, read_pictures(clean, drawn), truth, strata, len(test), fitted, KINDS[targets], module)
