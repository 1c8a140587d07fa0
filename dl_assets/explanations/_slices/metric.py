"""How a metric is called, written and compared."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from dl_assets.evaluation.headline import NO_BREAK_SPACE

UNKNOWN = "\N{EN DASH}"


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
