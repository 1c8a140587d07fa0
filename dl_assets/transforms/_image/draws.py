"""Draws of one key after another, in the forms in which albumentations asks for them."""

from collections.abc import Iterable, Iterator
from itertools import chain, count
from random import Random
from typing import Any

import numpy as np

from dl_assets.transforms._policy.keys import Keys, uniform


class Draws(Random):
    """The draws of one key after another as Python's `random` gives them, without the 6 us that seeding that takes."""

    _BLOCK = 32

    @classmethod
    def first(cls, keys: Keys) -> list[list[float]]:
        """Return the draws [N, 32] with which each of the keys begins, computed at once."""
        return uniform(keys[:, np.newaxis], np.arange(cls._BLOCK)).tolist()  # type: ignore[no-any-return]

    def begin(self, key: int, first: Iterable[float]) -> None:
        """Go on with the draws of this key, the first of which are known."""
        # Called some ten times for a picture, so without a call of Python's in between.
        self.random = chain(first, self._more(key)).__next__  # type: ignore[method-assign]

    def getrandbits(self, k: int, /) -> int:
        bits = 0
        for _ in range(0, k, 32):
            bits = bits << 32 | int(self.random() * 2**32)
        return bits >> -k % 32

    def _more(self, key: int) -> Iterator[float]:
        for start in count(self._BLOCK, self._BLOCK):
            yield from uniform(np.array([[key]], np.uint64), np.arange(start, start + self._BLOCK))[0].tolist()


class LazyGenerator:
    """A numpy Generator for one key after another. Seeding takes 1 to 4 us, and most transforms never draw from it."""

    def __init__(self) -> None:
        self._generator, self._key, self._is_seeded = np.random.Generator(np.random.PCG64()), 0, False
        self._state: dict[str, Any] = dict(self._generator.bit_generator.state)

    def begin(self, key: int) -> None:
        """Go on with the draws of this key."""
        self._key, self._is_seeded = key, False

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # pickle and copy ask before anything is set
            raise AttributeError(name)
        if not self._is_seeded:
            self._state["state"] = {"state": self._key << 64 | self._key, "inc": 1}
            self._generator.bit_generator.state = self._state
            self._is_seeded = True
        return getattr(self._generator, name)
