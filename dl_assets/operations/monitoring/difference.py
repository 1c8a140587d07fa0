"""One thing in which the latest predictions may differ from the reference, and whether it has drifted."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from scipy.stats import false_discovery_control


@dataclass(frozen=True)
class Difference:
    """`statistic` is an effect size, which drifts beyond its `limit`; `p_value` is None where a test has none."""

    name: str
    about: str  # inputs, predictions or quality
    method: str
    statistic: float
    limit: float
    p_value: float | None = None
    adjusted: float | None = None
    drifted: bool = False

    def told(self) -> dict[str, Any]:
        return asdict(self)


def settle(found: Sequence[Difference], significance: float) -> list[Difference]:
    """Say which have drifted: those beyond chance, however many are asked, that also matter.

    Among thousands of predictions the smallest difference is beyond chance, so that the effect has a limit of its own. The
    p-values are corrected by Benjamini and Hochberg (1995): where nothing has drifted, a window raises an alarm with at
    most the probability `significance`, and where much has, less is missed than with Bonferroni's correction.
    """
    tested = [one for one in found if one.p_value is not None]
    adjusted = false_discovery_control(np.array([one.p_value for one in tested])) if tested else []
    by_name = dict(zip([one.name for one in tested], map(float, adjusted), strict=True))
    return [_settled(one, by_name.get(one.name), significance) for one in found]


def _settled(one: Difference, adjusted: float | None, significance: float) -> Difference:
    if adjusted is None:
        return one
    return replace(one, adjusted=adjusted, drifted=adjusted <= significance and one.statistic > one.limit)
