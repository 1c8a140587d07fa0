"""What panels ask of a kind of target: how good answers are, and which other models there are for it."""

from typing import Any, ClassVar, Protocol

import polars as pl
from numpy.typing import NDArray

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.explanations._slices.metric import Metric
from dl_assets.explanations._slices.panel import SliceJudge

_MAX_TREES, _ROUNDS, _LEAST_ROUNDS = 2_000, 100, 5


def rounds(num_outputs: int) -> int:
    """Return in how many rounds trees are boosted: as many as scikit-learn's, unless a tree for each class took too long.

    >>> rounds(3), rounds(100)
    (100, 20)
    """
    return max(_LEAST_ROUNDS, min(_ROUNDS, _MAX_TREES // num_outputs))


class Judge(SliceJudge, Protocol):
    """One kind of target. Truth [N] and answers [N, outputs] are arrays; `weights` [B, N] say how often each sample counts."""

    metrics: ClassVar[dict[str, Metric]]  # the first one decides which model is best
    harms: ClassVar[list[Metric]]  # what a shuffled column does, the most sensitive measure first

    def __init__(self, fitted: dict[str, Any]) -> None: ...

    @property
    def num_outputs(self) -> int: ...

    def truth(self, targets: pl.Series) -> NDArray[Any]: ...

    def answers(self, predictions: pl.DataFrame) -> Floats: ...

    def measure(self, truth: NDArray[Any], answers: Floats, weights: Floats) -> dict[str, Floats]:
        """Return each metric [B]."""
        ...

    def penalties(self, truth: NDArray[Any], answers: Floats) -> Floats:
        """Return what each answer costs, [N, harms]."""
        ...

    def spread(self, truth: NDArray[Any], weights: Floats) -> Floats:
        """Return [B]: divided by it, the sums of the penalties that a shuffled column adds are the harms."""
        ...

    def errors(self, truth: NDArray[Any], answers: Floats) -> Floats:
        """Return how wrong each answer is, [N]."""
        ...

    def trees(self, is_category: list[bool], seed: int) -> Any:
        """Return scikit-learn's boosted trees, not fitted."""
        ...

    def linear(self) -> Any:
        """Return scikit-learn's linear model, not fitted."""
        ...

    def ask(self, model: Any, table: Floats) -> Floats:
        """Return the answers [N, outputs] of a fitted model of scikit-learn."""
        ...
