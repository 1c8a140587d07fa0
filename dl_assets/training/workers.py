"""How many processes should load the samples: measured, since it depends on the samples, the policy and the machine."""

import os
import time
from collections.abc import Callable, Iterator
from typing import Literal

from torch.utils.data import DataLoader, Sampler

from dl_assets.training.batches import Batch, Batches, Item, ShuffledIndices, loader

_WORTH_SECONDS = 20.0  # of loading in a whole training; below that, nothing is gained by other processes
_GLANCE_SECONDS, _MEASURED_SECONDS = 0.05, 1.0
_GOOD_ENOUGH = 0.95


def choose_workers(wanted: int | Literal["auto"], batches: Batches, indices: ShuffledIndices, epochs: int) -> int:
    """Return the fewest workers that load within 5 % of the fastest number, and say why."""
    if wanted != "auto":
        return wanted
    total = epochs * len(indices) / _rate(batches, indices, 0, _GLANCE_SECONDS)
    if total <= _WORTH_SECONDS:
        print(f"loading in this process: all {epochs * len(indices)} batches take about {total:.2g} s", flush=True)
        return 0
    rates = measured(lambda number: _rate(batches, indices, number, _MEASURED_SECONDS), os.cpu_count() or 1)
    workers = fewest_of_the_best(rates)
    shown = ", ".join(f"{number}: {found:.3g}" for number, found in rates.items())
    print(f"loading with {workers} workers; batches a second by number of workers are {shown}", flush=True)
    return workers


def measured(rate_of: Callable[[int], float], most: int) -> dict[int, float]:
    """Return workers -> batches a second for 0, 1, 2, 4, ... up to `most`, and no further than where more are slower."""
    rates = {0: rate_of(0)}
    workers = 1
    while workers <= most:
        rates[workers] = rate_of(workers)
        if workers > 1 and rates[workers] < _GOOD_ENOUGH * max(rates.values()):
            break
        workers *= 2
    return rates


def fewest_of_the_best(rates: dict[int, float]) -> int:
    """Return the smallest number whose rate is within 5 % of the best.

    >>> fewest_of_the_best({0: 100.0, 1: 90.0, 2: 170.0, 4: 175.0})
    2
    """
    return min(workers for workers, rate in rates.items() if rate >= _GOOD_ENOUGH * max(rates.values()))


def _rate(batches: Batches, indices: ShuffledIndices, workers: int, least_seconds: float) -> float:
    """Return batches a second, once the processes have started and what they have loaded ahead is used up."""
    loading: DataLoader[Batch] = loader(batches, _Endless(indices), workers, seed=0)
    stream = iter(loading)
    for _ in range(1 + 3 * workers):  # each loads two ahead
        next(stream)
    started, count = time.perf_counter(), 0
    while (seconds := time.perf_counter() - started) < least_seconds or count < max(2, 2 * workers):
        next(stream)
        count += 1
    return count / seconds


class _Endless(Sampler[Item]):
    """The items of the first epoch over and over."""

    def __init__(self, indices: ShuffledIndices) -> None:
        self._indices = indices

    def __iter__(self) -> Iterator[Item]:
        while True:
            yield from self._indices
