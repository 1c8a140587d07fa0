"""Measures several ways to do the same work in turn, so that what else the machine does meets all of them alike."""

import time
from collections.abc import Callable, Mapping


def cpu_seconds(ways: Mapping[str, Callable[[], object]], *, rounds: int = 5) -> dict[str, float]:
    """Return the processor time of the fastest of `rounds` calls of each, in seconds; one call before is not counted."""
    for way in ways.values():
        way()
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            started = time.process_time()
            way()
            spent[name].append(time.process_time() - started)
    return {name: min(seconds) for name, seconds in spent.items()}


def show(title: str, seconds: Mapping[str, float], *, count: int, unit: str) -> None:
    """Print a table of microseconds for one of `count`, each beside the first, which is ours."""
    ours = next(iter(seconds.values()))
    print(f"\n{title}")
    for name, spent in seconds.items():
        print(f"  {name:<52}{1e6 * spent / count:>12,.1f} us CPU / {unit:<9}{spent / ours:>8.2f} x the first")
