"""Which samples are alike in one property, and how that is told."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dl_assets.evaluation.bootstrap import Floats

MISSING, OTHERS = "missing", "other words"
MAX_WORDS = 10
Groups = tuple[NDArray[np.int64], list[str]]  # the group of each sample, and what each is called; every group has a sample


def with_missing(is_known: NDArray[np.bool_], known: Groups) -> Groups:
    """Return the groups of all samples [N], of which what is missing is one of its own, from those of the known ones."""
    found, labels = known
    groups = np.full(len(is_known), len(labels), dtype=np.int64)
    groups[is_known] = found
    return groups, labels if is_known.all() else [*labels, MISSING]


def by_words(words: NDArray[Any], name: Callable[[Any], str] = str) -> Groups:
    """Group by the commonest words, or numbers that stand for words; all others are one."""
    different, inverse, counts = np.unique(words, return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    labels = [name(word) for word in different[order[:MAX_WORDS]].tolist()]
    return np.minimum(rank[inverse], MAX_WORDS), [*labels, OTHERS] if len(order) > MAX_WORDS else labels


def by_quarters(values: Floats, show: Callable[[float], str]) -> Groups:
    """Group by the quartiles; what is equal stays together."""
    groups = quarters(values)
    return groups, [_range(values[groups == group], show) for group in range(groups.max(initial=-1) + 1)]


def quarters(values: Floats) -> NDArray[np.int64]:
    """Return in which quarter each value lies, from the lowest on, [N]."""
    cuts = np.unique(np.quantile(values, [0.25, 0.5, 0.75], method="lower")) if len(values) else values
    _, groups = np.unique(np.searchsorted(cuts, values), return_inverse=True)
    return groups


def _range(values: Floats, show: Callable[[float], str]) -> str:
    """
    >>> _range(np.array([2.0, 1.0, 4.0]), number), _range(np.array([3.0, 3.0]), number)
    ('1 to 4', '3')
    """
    low, high = show(float(values.min())), show(float(values.max()))
    return low if low == high else f"{low} to {high}"


def number(value: float) -> str:
    """
    >>> number(2024.0), number(123456.7), number(0.0125)
    ('2024', '123,457', '0.0125')
    """
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.4g}"


def day(days: float) -> str:
    """
    >>> day(19782.5)
    '2024-02-29'
    """
    try:
        return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=days):%Y-%m-%d}"
    except OverflowError:
        return f"day {days:.4g}"
