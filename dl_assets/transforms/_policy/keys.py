"""Random numbers that depend on nothing but what they are for: a seed, an epoch and a sample.

Nothing is drawn in a row, so neither the order of the samples, nor their batch, nor the process that draws matters.
"""

from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))
_FACTORS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def numbers_of(ids: Iterable[str]) -> Keys:
    """Return a number [N] for every id; Python's own hash differs from process to process."""
    return np.fromiter((int.from_bytes(blake2b(id_.encode(), digest_size=8).digest(), "little") for id_ in ids), np.uint64)


def keys_of(numbers: Keys, *, seed: int, epoch: int) -> Keys:
    """Return the key [N] from which everything is drawn that happens to these samples in this epoch."""
    return _scatter(numbers ^ _start(seed, epoch))


def uniform(keys: Keys, draw: int | NDArray[np.integer[Any]]) -> NDArray[np.float64]:
    """Return the draw of that number of each key, [N] in [0, 1); of several numbers [M, 1], [M, N]."""
    return (_scatter(keys + _array(draw)) >> np.uint64(11)).astype(np.float64) * 2.0**-53


@lru_cache(maxsize=8)
def _start(seed: int, epoch: int) -> Keys:
    return _scatter(_scatter(_array(seed)) + _array(epoch))  # [1]


def _scatter(keys: Keys) -> Keys:
    """Mix the bits: one step of SplitMix64 (Steele, Lea and Flood, 2014) from each state."""
    keys = keys + _STEP
    keys ^= keys >> _SHIFTS[0]
    keys *= _FACTORS[0]
    keys ^= keys >> _SHIFTS[1]
    keys *= _FACTORS[1]
    keys ^= keys >> _SHIFTS[2]
    return keys


def _array(number: int | NDArray[np.integer[Any]]) -> Keys:
    # As an array: numpy warns where a lone number overflows, which is what is wanted here.
    return np.atleast_1d(np.asarray(number, dtype=np.uint64))
