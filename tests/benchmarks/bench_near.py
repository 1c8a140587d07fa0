"""Near hashes of 60,000 samples: the exact search against comparing all with all."""

from collections.abc import Callable

import numpy as np
import pytest
from benchmarks.side_by_side import cpu_seconds, show
from numpy.typing import NDArray

from dl_assets.inputs._image.near import near_pairs

SAMPLES, DISTANCE = 60_000, 6
COMPARED = 6_000  # as many as there is time for to compare with all; the seconds are scaled to SAMPLES
Hashes = NDArray[np.uint64]


def random() -> Hashes:
    return np.random.default_rng(17).integers(0, 2**64, SAMPLES, dtype=np.uint64)


def alike() -> Hashes:
    """Hashes as photos have them: bits go together, half of them are set, and 1 in 50 is a copy with a few bits changed."""
    rng = np.random.default_rng(17)
    coarse = rng.normal(size=(SAMPLES, 12)) @ rng.normal(size=(12, 64)) + 2 * rng.normal(size=(SAMPLES, 64))
    bits = coarse > np.median(coarse, axis=1, keepdims=True)
    values = np.packbits(bits, axis=1).view(np.uint64).ravel()
    copies = np.arange(0, SAMPLES, 50)
    values[copies] = values[copies - 1] ^ (np.uint64(1) << rng.integers(0, 64, len(copies)).astype(np.uint64))
    return values


def equal() -> Hashes:
    return np.zeros(SAMPLES, np.uint64)


def all_with_all(hashes: Hashes) -> int:
    return sum(
        int((np.bitwise_count(hashes[start : start + 500, None] ^ hashes) <= DISTANCE).sum())
        for start in range(0, COMPARED, 500)
    )


@pytest.mark.parametrize("made", [random, alike, equal])
def test_near_hashes(made: Callable[[], Hashes]) -> None:
    hashes = made()
    seconds = cpu_seconds({"ours": lambda: near_pairs(hashes, DISTANCE), "all with all": lambda: all_with_all(hashes)})
    seconds["all with all"] *= SAMPLES / COMPARED
    show(f"{SAMPLES:,} hashes, {made.__name__}", seconds, count=SAMPLES, unit="hash")
