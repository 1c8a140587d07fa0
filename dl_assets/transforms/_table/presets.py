"""Policies by name, from cautious to strong. They fit columns of every kind."""

from collections.abc import Callable
from typing import Any

Entries = list[tuple[str, dict[str, Any]]]


def light(_: object = None) -> Entries:
    """A little noise on some of the numbers."""
    return [("GaussianNoise", {"scale": 0.05, "p": 0.3})]


def medium(_: object = None) -> Entries:
    """Noise, and now and then another category. The place to begin."""
    return [("GaussianNoise", {"scale": 0.1, "p": 0.5}), ("SwapCategories", {"p": 0.05})]


def heavy(_: object = None) -> Entries:
    """For few rows and many epochs: more noise, values of other rows, and blanks."""
    return [
        ("GaussianNoise", {"scale": 0.2, "p": 0.5}),
        ("SwapValues", {"p": 0.1}),
        ("MissingValues", {"p": 0.05}),
    ]


PRESETS: dict[str, Callable[[object], Entries]] = {preset.__name__: preset for preset in (light, medium, heavy)}
