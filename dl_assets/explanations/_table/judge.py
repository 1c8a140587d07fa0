"""What panels ask of a kind of target: how good answers are, and which other models there are for it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.evaluation.headline import NO_BREAK_SPACE

UNKNOWN = "\N{EN DASH}"
_MAX_TREES, _ROUNDS, _LEAST_ROUNDS = 2_000, 100, 5


@dataclass(frozen=True)
class Metric:
    """A metric of a model: how it is called, how its value is written, in which unit, and which way is better."""

    label: str
    write: Callable[[float], str] = "{:z.3f}".format
    unit: str = ""
    is_higher_better: bool = True

    @property
    def title(self) -> str:
        """Return the title of a column of its cells."""
        return f"{self.label} {self.unit}".rstrip()

    def show(self, value: float) -> str:
        """Return a value for a sentence."""
        return f"{self.write(value)}{NO_BREAK_SPACE}{self.unit}" if self.unit else self.write(value)

    def cell(self, value: float, low: float, high: float) -> str:
        """Return a value with its interval for a table."""
        return UNKNOWN if np.isnan(value) else f"{self.write(value)} ({self.write(low)} to {self.write(high)})"


def in_percent(share: float) -> str:
    """
    >>> in_percent(0.98148)
    '98.1'
    """
    return f"{100 * share:z.1f}"


def rounds(num_outputs: int) -> int:
    """Return in how many rounds trees are boosted: as many as scikit-learn's, unless a tree for each class took too long.

    >>> rounds(3), rounds(100)
    (100, 20)
    """
    return max(_LEAST_ROUNDS, min(_ROUNDS, _MAX_TREES // num_outputs))


class Judge(Protocol):
    """One kind of target. Truth [N] and answers [N, outputs] are arrays; `weights` [B, N] say how often each sample counts."""

    metrics: ClassVar[dict[str, Metric]]  # the first one decides which model is best
    harms: ClassVar[list[Metric]]  # what a shuffled column does, the most sensitive measure first
    slice_metric: ClassVar[Metric]  # what is told of few samples

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

    def least_error(self, counts: Floats, sums: Floats, squares: Floats) -> Floats:
        """Return how low the true mean error of each slice may be, [S], of the sums of its errors and of their squares."""
        ...

    def slice_values(self, errors: Floats, inside: NDArray[np.bool_], *, resamples: int, seed: int) -> Floats:
        """Return value, low and high of the slice metric, [3, S], of errors [N] and which samples are inside, [N, S]."""
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
