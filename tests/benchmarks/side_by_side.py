"""Measures several ways to do the same work in turn, so that what else the machine does meets all of them alike."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from statistics import median

ROUNDS = 5


def cpu_seconds(ways: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Return the median processor time of 5 calls of each, in seconds; one call before is not counted."""
    return median_seconds({name: partial(cpu_of, way) for name, way in ways.items()})


def cpu_of(way: Callable[[], object]) -> float:
    """Return the processor time of one call, in seconds."""
    started = time.process_time()
    way()
    return time.process_time() - started


def median_seconds(ways: Mapping[str, Callable[[], float]]) -> dict[str, float]:
    """Return the median of what 5 calls of each return, for ways that know themselves how long they took."""
    for way in ways.values():
        way()
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            spent[name].append(way())
    return {name: median(seconds) for name, seconds in spent.items()}


def show(title: str, seconds: Mapping[str, float], *, count: int, unit: str) -> None:
    """Print a table of microseconds for one of `count`, each beside the first, which is ours."""
    ours = next(iter(seconds.values()))
    print(f"\n{title} (median of {ROUNDS} interleaved rounds)")
    for name, spent in seconds.items():
        print(f"  {name:<52}{1e6 * spent / count:>12,.1f} us CPU / {unit:<9}{spent / ours:>8.2f} x the first")
