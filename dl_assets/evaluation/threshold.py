"""From which probability on the positive class of two is answered, by what is best on val."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.evaluation.classes_scores import ratio
from dl_assets.sections import Cost


@dataclass(frozen=True)
class Thresholds:
    """What would become of N samples at each of T thresholds, highest first; counts are of samples."""

    values: Floats  # [T], each in the middle between two scores
    lowest: Floats  # [T], the lowest score for which the class is said; infinite where it never is
    found: Floats  # [T] true positives
    wrongly_said: Floats  # [T] false positives
    num_positive: int
    num_negative: int

    @property
    def precision(self) -> Floats:
        """Return [T]; 0 where the class is never said."""
        return np.nan_to_num(ratio(self.found, self.found + self.wrongly_said))

    @property
    def recall(self) -> Floats:
        return self.found / self.num_positive

    @property
    def f1(self) -> Floats:
        return 2 * self.found / (self.found + self.wrongly_said + self.num_positive)

    @property
    def youden(self) -> Floats:
        """Return recall less false positive rate (Youden 1950)."""
        return self.recall - self.wrongly_said / self.num_negative

    def cost(self, cost: Cost) -> Floats:
        """Return the mean cost of a sample."""
        missed = self.num_positive - self.found
        paid = cost.false_positive * self.wrongly_said + cost.false_negative * missed
        return paid / (self.num_positive + self.num_negative)

    def at(self, value: float) -> int:
        """Return the index of the threshold that does what this one would do."""
        return max(int((self.lowest >= value).sum()) - 1, 0)

    def best(self, rule: str, cost: Cost) -> int:
        """Return the index of the best threshold by `f1`, `youden` or `cost`; of equal ones that nearest to a half."""
        goodness = {"f1": self.f1, "youden": self.youden, "cost": -self.cost(cost)}[rule]
        equal = np.flatnonzero(goodness >= goodness.max() - 1e-12)
        return int(equal[np.abs(self.values[equal] - 0.5).argmin()])

    def table(self, cost: Cost) -> pl.DataFrame:
        columns = {"threshold": self.values, "precision": self.precision, "recall": self.recall, "f1": self.f1}
        return pl.DataFrame({**columns, "youden": self.youden, "cost": self.cost(cost)})


def thresholds(scores: Floats, inside: NDArray[np.bool_]) -> Thresholds:
    """Count what each threshold does to samples of these scores [N]; `inside` says which are of the positive class.

    There is one below each different score, and one above all of them, where the class is never said, unless one is 1.
    """
    order = np.argsort(-scores, kind="stable")
    last_of_ties = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    different, found = scores[order][last_of_ties], np.cumsum(inside[order])[last_of_ties]
    edges = np.concatenate([[1.0], different, [0.0]])
    first = int(different[0] >= 1)
    return Thresholds(
        values=((edges[:-1] + edges[1:]) / 2)[first:],
        lowest=np.append(np.inf, different)[first:],
        found=np.append(0.0, found)[first:],
        wrongly_said=np.append(0.0, last_of_ties + 1.0 - found)[first:],
        num_positive=int(inside.sum()),
        num_negative=int((~inside).sum()),
    )
