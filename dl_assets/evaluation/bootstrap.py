"""95 % intervals of any metric by the percentile bootstrap, many resamples at once."""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Measure = Callable[[Floats], dict[str, Floats]]

CONFIDENCE = 0.95
_MAX_CELLS = 2_000_000  # numbers in one block of weights: 16 MB, whatever the number of samples


def intervals(measure: Measure, num_samples: int, *, bootstrap_samples: int, seed: int) -> dict[str, Floats]:
    """Return for each metric the array [3, ...] of its value, low and high (Efron 1979, percentile method).

    `measure` takes weights [B, N], how often each of the N samples is in each of B resamples, and returns
    arrays [B, ...]. A resample in which a metric is undefined (NaN) does not count for that metric.
    The interval always holds the value: resampling adds noise, which can only raise a calibration error.
    """
    values = measure(np.ones((1, num_samples)))
    blocks = [measure(weights) for weights in resamples(num_samples, bootstrap_samples, seed)]
    return {name: _interval(value[0], np.concatenate([block[name] for block in blocks])) for name, value in values.items()}


def metrics_of(measure: Measure, classes: list[str], num_samples: int, *, bootstrap_samples: int, seed: int) -> dict[str, Any]:
    """Return each metric as {value, low, high}, and those that `measure` calls `class_*` per class under `classes`.

    A metric that is undefined is left out, for JSON has no NaN and DVC compares numbers only.
    """
    found = intervals(measure, num_samples, bootstrap_samples=bootstrap_samples, seed=seed)
    overall = {name: values for name, values in found.items() if not name.startswith("class_")}
    per_class = {
        name: {key.removeprefix("class_"): values[:, index] for key, values in found.items() if key not in overall}
        for index, name in enumerate(classes)
    }
    return {**_named(overall), "classes": {name: _named(values) for name, values in per_class.items()}}


def resamples(num_samples: int, num_resamples: int, seed: int) -> Iterator[Floats]:
    """Yield weights [B, N] in blocks: N draws with replacement, counted, for each row."""
    rng = np.random.default_rng(seed)
    block = max(1, _MAX_CELLS // num_samples)
    for start in range(0, num_resamples, block):
        rows = min(block, num_resamples - start)
        drawn = rng.integers(0, num_samples, (rows, num_samples)) + num_samples * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * num_samples).reshape(rows, num_samples).astype(np.float64)


def _interval(value: Floats, draws: Floats) -> Floats:
    tail = (1 - CONFIDENCE) / 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # all NaN: a class that has no sample in any resample
        low, high = np.nanquantile(draws, [tail, 1 - tail], axis=0)
    return np.stack([value, np.minimum(low, value), np.maximum(high, value)])


def _named(values: dict[str, Floats]) -> dict[str, dict[str, float]]:
    """{name: [value, low, high]} -> {name: {value, low, high}}, without those that hold a NaN."""
    return {
        name: dict(zip(("value", "low", "high"), triple.tolist(), strict=True))
        for name, triple in values.items()
        if not np.isnan(triple).any()
    }
