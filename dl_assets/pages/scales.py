"""Axes of a figure: where a value lies between two ends, and which round values are named beside it."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_ROUND = (1, 2, 5, 10)


@dataclass(frozen=True)
class Scale:
    """From `low` to `high`, by the logarithm where `is_log` (both are above 0 then)."""

    low: float
    high: float
    is_log: bool = False

    def share(self, values: Floats) -> Floats:
        """Return where the values lie, from 0 (low) to 1 (high)."""
        if self.is_log:
            return Scale(math.log(self.low), math.log(self.high)).share(np.log(values))
        return (values - self.low) / (self.high - self.low)

    def place(self, value: float, start: float, stop: float) -> float:
        """Return where the value lies between two places of a figure."""
        return start + float(self.share(np.array([value]))[0]) * (stop - start)

    def ticks(self, most: int) -> list[float]:
        """Return at most so many round values between the ends."""
        if self.is_log:
            for steps, every in (((1, 2, 5), 1), ((1, 3), 1), ((1,), 1), ((1,), 2), ((1,), 4)):
                found = self._powers(steps, every)
                if 2 <= len(found) <= most:
                    return found
        return self._multiples(most)

    def _powers(self, steps: tuple[int, ...], every: int) -> list[float]:
        """Steps within every so many powers of ten."""
        tens = range(math.floor(math.log10(self.low) / every) * every, math.ceil(math.log10(self.high)) + 1, every)
        return [value for ten in tens for step in steps if self.low <= (value := step * 10.0**ten) <= self.high]

    def _multiples(self, most: int) -> list[float]:
        """The multiples of 1, 2 or 5 times a power of ten that are not too many."""
        ten = 10.0 ** math.floor(math.log10((self.high - self.low) / most))
        step = next(
            step * ten for step in _ROUND if math.floor(self.high / (step * ten)) - math.ceil(self.low / (step * ten)) < most
        )
        first, last = math.ceil(self.low / step), math.floor(self.high / step)
        return [step * number for number in range(first, last + 1)]


def tell(value: float) -> str:
    """Name a value.

    >>> tell(0.1 + 0.2), tell(1200.0), tell(-0.4)
    ('0.3', '1,200', '-0.4')
    """
    return f"{value:,.10g}"
