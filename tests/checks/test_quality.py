"""Wrong targets and odd pictures that were put among right ones are found, and little else."""

import sys
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from dl_assets.checks.mislabelled import mislabelled
from dl_assets.checks.odd import odd
from dl_assets.errors import ConfigError


class Stack:
    """Arrays in memory."""

    def __init__(self, arrays: NDArray[np.uint8]) -> None:
        self._arrays = arrays

    def __len__(self) -> int:
        return len(self._arrays)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        return self._arrays[index]

    def batch(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        return self._arrays[indices]

    @property
    def shape(self) -> tuple[int, ...]:
        return self._arrays.shape[1:]


def digits(num_samples: int = 700) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    found = load_digits()
    return np.round(found.images[:num_samples] * (255 / 16)).astype(np.uint8)[..., None], found.target[:num_samples]


def table(targets: NDArray[np.int64], clusters: list[str] | None = None) -> pl.DataFrame:
    ids = [str(index) for index in range(len(targets))]
    return pl.DataFrame({"id": ids, "target": targets.astype(str), "cluster": clusters or ids})


@pytest.fixture(scope="module")
def exchanged() -> tuple[set[str], pl.DataFrame]:
    """The ids of 5 % of the digits, whose targets were exchanged, and what was found."""
    arrays, targets = digits()
    rng = np.random.default_rng(17)
    wrong = rng.choice(len(targets), 35, replace=False)
    targets[wrong] = (targets[wrong] + rng.integers(1, 10, len(wrong))) % 10
    return {str(index) for index in wrong}, mislabelled(table(targets), Stack(arrays))


def test_most_exchanged_targets_are_found(exchanged: tuple[set[str], pl.DataFrame]) -> None:
    wrong, found = exchanged
    assert len(wrong & set(found["id"])) >= 0.8 * len(wrong)


def test_hardly_a_right_target_is_suspected(exchanged: tuple[set[str], pl.DataFrame]) -> None:
    wrong, found = exchanged
    assert len(set(found["id"]) - wrong) <= 0.05 * len(found)


def test_a_finding_says_what_it_looks_like(exchanged: tuple[set[str], pl.DataFrame]) -> None:
    _, found = exchanged
    pattern = r"looks like '\d' \(0\.\d\d\), and '\d' has 0\.0\d\d \(max_label_confidence is 0\.05\)"
    assert found["detail"].str.contains(f"^{pattern}$").all()


def test_a_near_duplicate_does_not_vouch_for_a_wrong_target() -> None:
    arrays, targets = digits(200)
    ones = np.flatnonzero(targets == 1)[:1]
    copies = np.repeat(arrays[ones], 6, axis=0)
    wrong = np.full(6, 7)
    samples = table(np.concatenate([targets, wrong]), [str(index) for index in range(200)] + ["same"] * 6)
    found = mislabelled(samples, Stack(np.concatenate([arrays, copies])), max_label_confidence=0.2)
    assert {str(200 + index) for index in range(6)} <= set(found["id"])


def test_too_small_classes_are_not_judged() -> None:
    arrays, _ = digits(60)
    samples = table(np.where(np.arange(60) < 9, 1, 0))
    assert mislabelled(samples, Stack(arrays)).rows() == []


@pytest.mark.parametrize("check", [mislabelled, odd])
def test_without_cleanlab_the_remedy_is_told(check: Callable[..., pl.DataFrame], monkeypatch: pytest.MonkeyPatch) -> None:
    arrays, targets = digits(30)
    monkeypatch.setitem(sys.modules, "cleanlab", None)
    with pytest.raises(ConfigError, match=rf"clean\.{check.__name__} needs cleanlab.*pip install 'dl-assets\[quality\]'"):
        check(table(targets), Stack(arrays))


def test_noise_stripes_and_a_blank_among_digits_are_odd() -> None:
    arrays, _ = digits()
    noise = np.random.default_rng(17).integers(0, 256, (3, 8, 8, 1), np.uint8)
    stripes = np.broadcast_to((np.arange(8, dtype=np.uint8) % 2 * 255)[:, None], (1, 8, 8, 1))
    blank = np.full((1, 8, 8, 1), 128, np.uint8)
    found = odd(table(np.zeros(705)), Stack(np.concatenate([arrays, noise, stripes, blank])))
    assert {"700", "701", "702", "703", "704"} <= set(found["id"])
    assert len(found) <= 6


def test_the_oddest_comes_first_with_its_number() -> None:
    arrays, _ = digits(100)
    blank = np.full((1, 8, 8, 1), 128, np.uint8)
    found = odd(table(np.zeros(101)), Stack(np.concatenate([arrays, blank])))
    assert found["id"][0] == "100"
    assert found["detail"].str.contains(r"^\d+\.\d times as far from others as usual \(max_oddness is 4\)$").all()


def test_a_handful_has_no_odd_one() -> None:
    arrays, targets = digits(15)
    assert odd(table(targets), Stack(arrays)).rows() == []


def test_equal_pictures_are_not_odd() -> None:
    arrays = np.full((40, 8, 8, 1), 7, np.uint8)
    assert odd(table(np.zeros(40)), Stack(arrays)).rows() == []
