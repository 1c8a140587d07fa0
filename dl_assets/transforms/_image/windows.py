"""Crops and flips, which only say what is copied where: straight from the stored pictures into the batch."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dl_assets.transforms._image.kernel import Addresses, copy_lines
from dl_assets.transforms._policy.keys import Keys, uniform

Size = tuple[int, int]  # height and width in px
Draws = NDArray[np.float64]  # [2, N], those of one step


class _Views:
    """The part of each of N stored pictures that is copied: its corner [2, N] in px, and which axes are turned round [2, N].

    The first axis is from top to bottom, the second from left to right.
    """

    def __init__(self, num_samples: int, size: Size) -> None:
        self.size = size
        self.corner, self.is_turned = np.zeros((2, num_samples), np.int64), np.zeros((2, num_samples), bool)

    def room(self, size: Size) -> NDArray[np.int64]:
        """Return by how much the corner of a part of that size can move, [2, 1]."""
        assert 0 < size[0] <= self.size[0] and 0 < size[1] <= self.size[1], "compose has checked it"
        return np.array([[self.size[0] - size[0]], [self.size[1] - size[1]]])

    def cut(self, corner: NDArray[np.int64], size: Size) -> None:
        """Keep `size` at that corner of what is seen now, which on a turned axis is counted from the other side."""
        self.corner += np.where(self.is_turned, self.room(size) - corner, corner)
        self.size = size


def _horizontal_flip(views: _Views, draws: Draws, options: dict[str, Any]) -> None:
    views.is_turned[1] ^= draws[0] < options["p"]


def _vertical_flip(views: _Views, draws: Draws, options: dict[str, Any]) -> None:
    views.is_turned[0] ^= draws[0] < options["p"]


def _random_crop(views: _Views, draws: Draws, options: dict[str, Any]) -> None:
    size = (options["height"], options["width"])
    views.cut((draws * (views.room(size) + 1)).astype(np.int64), size)


def _center_crop(views: _Views, draws: Draws, options: dict[str, Any]) -> None:
    size = (options["height"], options["width"])
    views.cut(views.room(size) // 2, size)


_WINDOWS: dict[str, Callable[[_Views, Draws, dict[str, Any]], None]] = {
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
        self._numbers = _FIRST_DRAW + np.arange(len(steps) * _DRAWS).reshape(len(steps), _DRAWS, 1)
        self.size = self._views(np.zeros(1, np.uint64)).size

    def __len__(self) -> int:
        return len(self._steps)

    def copy(self, pictures: Iterable[NDArray[np.uint8]], keys: Keys, out: NDArray[np.uint8]) -> None:
        """Copy what is seen of each picture, which may be a view of a file, into `out`, uint8 [B, *self.size, C]."""
        stored = (*self._stored, out.shape[-1])
        addresses: Addresses | None = getattr(pictures, "addresses", None)
        if addresses is not None:
            assert getattr(pictures, "shape", None) == stored, "compose was told so"
            self._copy(addresses, keys, out)
            return
        held = np.empty((len(keys), *stored), np.uint8)
        for place, picture in zip(held, pictures, strict=True):
            place[...] = picture
        self._copy(held.ctypes.data + held.strides[0] * np.arange(len(held)), keys, out)

    def _copy(self, addresses: Addresses, keys: Keys, out: NDArray[np.uint8]) -> None:
        views, channels = self._views(keys), out.shape[-1]
        assert addresses.shape == keys.shape and out.shape == (len(keys), *views.size, channels)
        (top, left), (is_upside_down, is_mirrored) = views.corner, views.is_turned
        length = self._stored[1] * channels  # in bytes, from line to line
        first = addresses + (top + is_upside_down * (views.size[0] - 1)) * length + left * channels
        copy_lines(first, np.where(is_upside_down, -length, length), is_mirrored, out)

    def _views(self, keys: Keys) -> _Views:
        views = _Views(len(keys), self._stored)
        for (name, options), draws in zip(self._steps, uniform(keys, self._numbers), strict=True):
            _WINDOWS[name](views, draws, options)
        return views
