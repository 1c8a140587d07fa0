"""Which samples are alike in one column, and how that is told."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from dl_assets.evaluation.bootstrap import Floats

MISSING, OTHERS = "missing", "other words"
MAX_WORDS = 10
Groups = tuple[NDArray[np.int64], list[str]]


def grouped(values: Floats, kind: str, words: dict[float, str]) -> Groups:
    """Return the group of each sample [N] and what each group is called; every group has a sample.

    Of a category these are the commonest words, of numbers and dates the quarters; what is missing is a group of its own.
    """
    is_known = ~np.isnan(values)
    known, labels = _words(values[is_known], words) if kind == "category" else _quarters(values[is_known], kind)
    groups = np.full(len(values), len(labels), dtype=np.int64)
    groups[is_known] = known
    return groups, labels if is_known.all() else [*labels, MISSING]


def _words(codes: Floats, words: dict[float, str]) -> Groups:
    different, inverse, counts = np.unique(codes, return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    labels = [words.get(float(code), OTHERS) for code in different[order[:MAX_WORDS]]]
    return np.minimum(rank[inverse], MAX_WORDS), [*labels, OTHERS] if len(order) > MAX_WORDS else labels


def _quarters(values: Floats, kind: str) -> Groups:
    """Cut at the quartiles; what is equal stays together."""
    cuts = np.unique(np.quantile(values, [0.25, 0.5, 0.75], method="lower")) if len(values) else values
    _, groups = np.unique(np.searchsorted(cuts, values), return_inverse=True)
    show = _day if kind == "date" else _number
    return groups, [_range(values[groups == group], show) for group in range(groups.max(initial=-1) + 1)]


def _range(values: Floats, show: Callable[[float], str]) -> str:
    """
    >>> _range(np.array([2.0, 1.0, 4.0]), _number), _range(np.array([3.0, 3.0]), _number)
    ('1 to 4', '3')
    """
    low, high = show(float(values.min())), show(float(values.max()))
    return low if low == high else f"{low} to {high}"


def _number(value: float) -> str:
    """
    >>> _number(2024.0), _number(123456.7), _number(0.0125)
    ('2024', '123,457', '0.0125')
    """
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:.4g}"


def _day(days: float) -> str:
    """
    >>> _day(19782.5)
    '2024-02-29'
    """
    try:
        return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=days):%Y-%m-%d}"
    except OverflowError:
        return f"day {days:.4g}"
