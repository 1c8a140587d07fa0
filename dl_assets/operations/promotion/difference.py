"""What chance has to do with a difference: intervals of the paired bootstrap, and McNemar's exact test."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dl_assets.evaluation.bootstrap import CONFIDENCE, Floats


@dataclass(frozen=True)
class Gain:
    """By how much the challenger is better (below 0: worse), its 95 % interval, and how far resamples scatter.

    `p_worse` is one-sided, the chance of so bad a draw by accident: near 0 the challenger is truly worse.
    """

    value: float
    low: float
    high: float
    deviation: float
    p_worse: float

    def p_by_normal(self) -> float:
        """The same chance by the normal distribution, which can be as small as the comparison of many slices needs it."""
        from scipy.special import ndtr

        if self.deviation == 0:
            return 0.0 if self.value < 0 else 1.0
        return float(ndtr(self.value / self.deviation))


@dataclass(frozen=True)
class McNemar:
    """How many samples only one of the two answers correctly, and the chance that they differ so by accident.

    Exact, from the binomial distribution; `p_worse` is one-sided, `p` two-sided.
    """

    only_champion: int
    only_challenger: int
    p_worse: float
    p: float


def gain_of(value: float, draws: Floats) -> Gain:
    """Sum up the gains [B] of the resamples; one in which the metric is undefined does not count.

    One draw more is counted than there are, so that no chance is ever 0 (Davison and Hinkley 1997, section 4.2).

    >>> gain_of(-1.0, np.array([-1.0, -2.0, 0.0])).p_worse
    0.5
    """
    draws = draws[~np.isnan(draws)]
    if not len(draws):
        return Gain(value, value, value, 0.0, 1.0)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    p_worse = (1 + np.count_nonzero(draws >= 0)) / (1 + len(draws))
    return Gain(value, float(min(low, value)), float(max(high, value)), float(draws.std()), float(p_worse))


def mcnemar(champion_correct: NDArray[np.bool_], challenger_correct: NDArray[np.bool_]) -> McNemar:
    """Compare which samples each answers correctly (McNemar 1947, exact).

    >>> right, wrong = np.ones(10, bool), np.zeros(10, bool)
    >>> mcnemar(right, wrong).p_worse == 0.5**10, mcnemar(right, right).p_worse
    (True, 1.0)
    """
    from scipy.special import bdtrc

    only_champion = int(np.count_nonzero(champion_correct & ~challenger_correct))
    only_challenger = int(np.count_nonzero(~champion_correct & challenger_correct))
    differing = only_champion + only_challenger
    if not differing:
        return McNemar(0, 0, 1.0, 1.0)
    one, other = (float(bdtrc(count - 1, differing, 0.5)) for count in (only_champion, only_challenger))  # that many or more
    return McNemar(only_champion, only_challenger, one, min(1.0, 2 * min(one, other)))
