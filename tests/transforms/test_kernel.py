"""Lines are copied and mirrored for every width, and nothing beside them is read or written."""

import ctypes
import mmap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import Mock

import numpy as np
import pytest
from numpy.typing import NDArray

from dl_assets.transforms._image import kernel
from dl_assets.transforms._image.kernel import copy_lines

GUARD = 0xA5


@contextmanager
def fenced(size: int) -> Iterator[NDArray[np.uint8]]:
    """Whole pages of memory for `size` bytes, before and behind which even reading ends the process."""
    page = mmap.PAGESIZE
    whole = np.frombuffer(mmap.mmap(-1, (-(-size // page) + 2) * page), np.uint8)
    edges = (whole[:page], whole[-page:])
    for edge in edges:
        _allow(edge, 0)
    try:
        yield whole[page:-page]
    finally:
        for edge in edges:
            _allow(edge, mmap.PROT_READ | mmap.PROT_WRITE)


def _allow(memory: NDArray[np.uint8], access: int) -> None:
    assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(memory.ctypes.data), ctypes.c_size_t(len(memory)), access) == 0


def noise(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def copied(
    pictures: NDArray[np.uint8], is_mirrored: list[bool], is_upside_down: list[bool], *, is_aligned: bool = False
) -> NDArray[np.uint8]:
    """Copy whole pictures [N, H, W, C] by the kernel, into memory between guards, which it must leave alone."""
    num, height, width, channels = pictures.shape
    line = width * channels
    firsts = pictures.ctypes.data + np.arange(num) * height * line + np.array(is_upside_down) * (height - 1) * line
    around = np.full(pictures.size + 128, GUARD, np.uint8)
    start = 64 - around.ctypes.data % 16 - (not is_aligned)
    before, inside, behind = np.split(around, [start, start + pictures.size])
    out = inside.reshape(pictures.shape)
    copy_lines(firsts, np.where(is_upside_down, -line, line), np.array(is_mirrored), out)
    assert (before == GUARD).all() and (behind == GUARD).all()
    return out


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 16])
@pytest.mark.parametrize("widths", [range(1, 50), (64, 85, 224, 255, 1025, 4100)], ids=["small", "large"])
def test_pictures_of_every_width_are_copied_mirrored_and_turned_upside_down(channels: int, widths: range) -> None:
    for width in widths:
        pictures = noise(4, 3, width, channels)
        found = copied(pictures, [False, True, False, True], [False, False, True, True])
        expected = [pictures[0], pictures[1, :, ::-1], pictures[2, ::-1], pictures[3, ::-1, ::-1]]
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 16])
def test_large_batches_go_past_the_caches_unchanged(channels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = Mock(wraps=kernel._compiled)
    monkeypatch.setattr(kernel, "_compiled", compiled)
    for height, width in ((3, 16), (2, 240), (1 + 2**21 // (224 * channels), 224)):
        is_large = 4 * height * width * channels >= 2**23
        pictures = noise(4, height, width, channels)
        for is_aligned in (True, False):  # such stores need whole vectors
            found = copied(pictures, [False, True, False, True], [False, False, True, True], is_aligned=is_aligned)
            expected = [pictures[0], pictures[1, :, ::-1], pictures[2, ::-1], pictures[3, ::-1, ::-1]]
            np.testing.assert_array_equal(found, expected)
            assert compiled.call_args.args == (channels, is_large and is_aligned)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("is_mirrored", [False, True])
def test_nothing_is_read_beside_the_pictures(is_mirrored: bool, channels: int) -> None:
    for width in (1, 5, 6, 16, 17, 40):
        size = 3 * width * channels
        with fenced(size) as memory:
            memory[:] = noise(len(memory))
            for place in (memory[:size], memory[-size:]):
                picture = place.reshape(1, 3, width, channels)
                [found] = copied(picture, [is_mirrored], [False])
                np.testing.assert_array_equal(found, picture[0, :, ::-1] if is_mirrored else picture[0])


def test_pictures_may_lie_anywhere_in_any_order() -> None:
    first, second = noise(5, 7, 3), noise(9, 11, 3)
    firsts = np.array([second[4:, 3:].ctypes.data, first[1:, 2:].ctypes.data, second[4:, 3:].ctypes.data])
    out = np.zeros((3, 4, 5, 3), np.uint8)
    copy_lines(firsts, np.array([33, 21, 33]), np.array([False, False, True]), out)
    np.testing.assert_array_equal(out, [second[4:8, 3:8], first[1:5, 2:7], second[4:8, 3:8][:, ::-1]])


def test_no_pictures_are_copied_to_nowhere() -> None:
    nothing = np.zeros(0, np.int64)
    copy_lines(nothing, nothing, np.zeros(0, bool), np.zeros((0, 4, 4, 3), np.uint8))


def test_many_threads_copy_at_once() -> None:
    pictures = noise(16, 40, 40, 3)
    found: dict[int, bool] = {}

    def copy(number: int) -> None:
        mirrored = [bool(number >> bit & 1) for bit in range(16)]
        expected = [picture[:, ::-1] if turn else picture for picture, turn in zip(pictures, mirrored, strict=True)]
        found[number] = all(np.array_equal(copied(pictures, mirrored, [False] * 16), expected) for _ in range(20))

    threads = [threading.Thread(target=copy, args=(number,)) for number in range(0, 65536, 8192)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and all(found.values())
