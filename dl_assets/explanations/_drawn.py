"""Some of many samples, drawn by the seed, and how that is told."""

import numpy as np
from numpy.typing import NDArray


def some(num_samples: int, most: int, seed: int) -> NDArray[np.int64]:
    """Return at most so many indices of the samples, drawn at random, in their order."""
    if num_samples <= most:
        return np.arange(num_samples)
    return np.sort(np.random.default_rng(seed).choice(num_samples, most, replace=False))


def of_total(num_samples: int, total: int) -> str:
    """
    >>> of_total(200, 10_000), of_total(200, 200)
    ('200 of 10,000', '200')
    """
    return f"{num_samples:,}" if num_samples == total else f"{num_samples:,} of {total:,}"
