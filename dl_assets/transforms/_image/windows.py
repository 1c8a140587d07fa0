"""Crops and flips, which only say what is copied where: straight from the stored pictures into the batch."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dl_assets.transforms._image.draws import Keys, uniform

Size = tuple[int, int]  # height and width in px

_FITS_THE_CACHE = 100_000  # bytes


class _Views:
    """The part of each of N stored pictures that is copied, and whether it is mirrored: all [N]."""

    def __init__(self, num_samples: int, size: Size) -> None:
        self.size = size
        self.top, self.left = np.zeros(num_samples, np.int64), np.zeros(num_samples, np.int64)
        self.mirrored, self.upside_down = np.zeros(num_samples, bool), np.zeros(num_samples, bool)

    def cut(self, top: NDArray[np.int64], left: NDArray[np.int64], size: Size) -> None:
        """Keep `size` at (top, left) of what is seen now, which in a mirrored picture is counted from the other side."""
        (height, width), (below, right) = self.size, (self.size[0] - size[0] - top, self.size[1] - size[1] - left)
        assert min(size) > 0 and size[0] <= height and size[1] <= width, "compose has checked it"
        self.top += np.where(self.upside_down, below, top)
        self.left += np.where(self.mirrored, right, left)
        self.size = size


def _horizontal_flip(views: _Views, keys: Keys, draw: int, options: dict[str, Any]) -> None:
    views.mirrored ^= uniform(keys, draw) < options["p"]


def _vertical_flip(views: _Views, keys: Keys, draw: int, options: dict[str, Any]) -> None:
    views.upside_down ^= uniform(keys, draw) < options["p"]


def _random_crop(views: _Views, keys: Keys, draw: int, options: dict[str, Any]) -> None:
    size = (options["height"], options["width"])
    room_down, room_right = (whole - part + 1 for whole, part in zip(views.size, size, strict=True))
    top, left = uniform(keys, draw) * room_down, uniform(keys, draw + 1) * room_right
    views.cut(top.astype(np.int64), left.astype(np.int64), size)


def _center_crop(views: _Views, keys: Keys, draw: int, options: dict[str, Any]) -> None:
    size = (options["height"], options["width"])
    top, left = ((whole - part) // 2 for whole, part in zip(views.size, size, strict=True))
    views.cut(np.full(len(keys), top), np.full(len(keys), left), size)


_WINDOWS: dict[str, Callable[[_Views, Keys, int, dict[str, Any]], None]] = {
    "HorizontalFlip": _horizontal_flip,
    "VerticalFlip": _vertical_flip,
    "RandomCrop": _random_crop,
    "CenterCrop": _center_crop,
}
_DRAWS = 2  # that one of them takes at most
_FIRST_DRAW = 2**32  # far from those of the transforms that come after, which begin at 0


def is_window(name: str, options: dict[str, Any]) -> bool:
    """Say whether the transform of that name is done here with these options (padding is not, nor a crop by chance)."""
    crops = "Crop" in name
    return name in _WINDOWS and not (crops and (options.get("pad_if_needed") or options["p"] < 1))


class Windows:
    """The crops and flips that a policy begins with; none of them is a plain copy."""

    def __init__(self, steps: Sequence[tuple[str, dict[str, Any]]], size: Size) -> None:
        self._steps, self._stored = steps, size
        self.size = self._views(np.zeros(1, np.uint64)).size

    def __len__(self) -> int:
        return len(self._steps)

    def copy(self, pictures: Iterable[NDArray[np.uint8]], keys: Keys, out: NDArray[np.uint8]) -> None:
        """Copy what is seen of each picture, which may be a view of a file, into `out`, uint8 [B, *self.size, C]."""
        import cv2

        views = self._views(keys)
        height, width = views.size
        tops, lefts, turns = views.top.tolist(), views.left.tolist(), _turns(views)
        for picture, place, top, left, turn in zip(pictures, out, tops, lefts, turns, strict=True):
            seen = np.asarray(picture)[top : top + height, left : left + width]  # slicing a memmap itself takes 1 us longer
            if turn is None:
                place[...] = seen
            elif place.nbytes < _FITS_THE_CACHE:
                cv2.flip(seen, turn, dst=place)
            else:  # OpenCV turns slowly into memory that it has not just touched
                place[...] = seen
                cv2.flip(place, turn, dst=place)

    def _views(self, keys: Keys) -> _Views:
        views = _Views(len(keys), self._stored)
        for number, (name, options) in enumerate(self._steps):
            _WINDOWS[name](views, keys, _FIRST_DRAW + number * _DRAWS, options)
        return views


def _turns(views: _Views) -> list[int | None]:
    """Return OpenCV's code for each flip: None, 1 (left and right), 0 (top and bottom) or -1 (both)."""
    codes = (None, 1, 0, -1)
    return [codes[number] for number in (views.mirrored + 2 * views.upside_down).tolist()]
