"""How fast a model answers on this machine: measured, never judged, since a busy machine finds other numbers."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

BATCH_SIZES = (1, 64)
_SECONDS, _MOST_RUNS = 0.3, 40  # of each way and batch size

Way = Callable[[int], Callable[[], object]]  # batch size -> what answers for a batch once


def latencies(ways: Mapping[str, Way]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return for each way and batch size: median and 99th percentile of a call in ms, samples a second, number of calls."""
    return {name: {str(size): _measure(way(size), size) for size in BATCH_SIZES} for name, way in ways.items()}


def _measure(ask: Callable[[], object], batch_size: int) -> dict[str, Any]:
    first = _seconds(ask)  # sets things up; where it takes long that does not show, and once is enough
    spent: list[float] = [first] if first >= _SECONDS else []
    while sum(spent) < _SECONDS and len(spent) < _MOST_RUNS:
        spent.append(_seconds(ask))
    p50, p99 = np.quantile(spent, [0.5, 0.99]).tolist()
    return {
        "p50_ms": round(1e3 * p50, 4),
        "p99_ms": round(1e3 * p99, 4),
        "samples_per_second": round(batch_size / p50, 1),
        "runs": len(spent),
    }


def _seconds(ask: Callable[[], object]) -> float:
    started = time.perf_counter()
    ask()
    return time.perf_counter() - started
