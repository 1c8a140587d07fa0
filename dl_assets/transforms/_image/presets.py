"""Policies by name, from cautious to strong. They fit pictures of one channel and of three."""

from collections.abc import Callable
from typing import Any

Entries = list[tuple[str, dict[str, Any]]]


def light(size: tuple[int, int]) -> Entries:
    """A window of 7/8 of each side at a random place (val and test: the middle), and mirroring; almost free."""
    height, width = (max(1, side * 7 // 8) for side in size)
    return [("RandomCrop", {"height": height, "width": width}), ("HorizontalFlip", {"p": 0.5})]


def medium(size: tuple[int, int]) -> Entries:
    """What most photos bear: a part of at least half the area enlarged, mirroring, other light. The place to begin."""
    return [
        ("RandomResizedCrop", {"scale": [0.5, 1.0]}),
        ("HorizontalFlip", {"p": 0.5}),
        ("ColorJitter", {"brightness": 0.2, "contrast": 0.2, "saturation": 0.2, "hue": 0.02, "p": 0.8}),
    ]


def heavy(size: tuple[int, int]) -> Entries:
    """For few photos and many epochs: smaller parts, tilting, strong light, blur or noise, and a hole in some."""
    return [
        ("RandomResizedCrop", {"scale": [0.3, 1.0]}),
        ("HorizontalFlip", {"p": 0.5}),
        ("SubPixelAffine", {"rotate": 15.0, "shear": 8.0, "border": "reflect", "p": 0.5}),
        ("ColorJitter", {"brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.05, "p": 0.8}),
        ("OneOf", {"transforms": [{"GaussianBlur": {"sigma_limit": [0.3, 1.2]}}, {"GaussNoise": {}}], "p": 0.3}),
        ("Erasing", {"scale": [0.02, 0.2], "p": 0.25}),
    ]


def digits(size: tuple[int, int]) -> Entries:
    """Letters, digits and tiny pictures: small turns, moves and zooms by fractions of a pixel; never mirrored."""
    return [("SubPixelAffine", {"rotate": 12.0, "shift": 0.08, "scale": [0.9, 1.1]})]


PRESETS: dict[str, Callable[[tuple[int, int]], Entries]] = {
    preset.__name__: preset for preset in (light, medium, heavy, digits)
}
