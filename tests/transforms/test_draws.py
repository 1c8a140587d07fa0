"""Draws are the same in every process, and as good as random."""

import numpy as np

from dl_assets.transforms._image.draws import Draws, LazyGenerator
from dl_assets.transforms._policy.keys import keys_of, numbers_of, uniform


def test_a_draw_is_that_of_splitmix64() -> None:
    published = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4]  # the first two of the reference implementation for the seed 0
    states = np.array([0, 0x9E3779B97F4A7C15], dtype=np.uint64)
    np.testing.assert_array_equal(uniform(states, 0), [(number >> 11) / 2**53 for number in published])


def test_an_id_has_the_same_number_in_every_process() -> None:
    assert [hex(number) for number in numbers_of(["a", "b"]).tolist()] == ["0x2f42665b399ef840", "0x754f854de3c27284"]


def test_draws_are_uniform_and_do_not_follow_each_other() -> None:
    keys = keys_of(numbers_of(map(str, range(20_000))), seed=1, epoch=1)
    draws = [uniform(keys, 0), uniform(keys, 1), uniform(keys_of(numbers_of(map(str, range(20_000))), seed=1, epoch=2), 0)]
    for draw in draws:
        counts, _ = np.histogram(draw, bins=20, range=(0, 1))
        assert counts.min() > 0.85 * 1000 and counts.max() < 1.15 * 1000
    assert np.abs(np.corrcoef(draws) - np.eye(3)).max() < 0.03


def test_pythons_methods_go_on_with_the_draws_of_the_key() -> None:
    keys = np.array([3, 5], np.uint64)
    draws = Draws()
    for key, first in zip((3, 5), Draws.first(keys), strict=True):
        draws.begin(key, first)
        found = [draws.random() for _ in range(100)]
        np.testing.assert_array_equal(found, [uniform(np.array([key], np.uint64), number)[0] for number in range(100)])


def test_whole_numbers_and_choices_are_uniform_and_repeat() -> None:
    def drawn(key: int) -> list[int]:
        draws = Draws()
        draws.begin(key, Draws.first(np.array([key], np.uint64))[0])
        return [draws.randint(0, 9) for _ in range(5000)] + [draws.choice(range(10)) for _ in range(5000)]

    assert drawn(1) == drawn(1) != drawn(2)
    counts = np.bincount(drawn(1), minlength=10)
    assert counts.min() > 880 and counts.max() < 1120


def test_bits_fill_their_range() -> None:
    draws = Draws()
    draws.begin(1, Draws.first(np.array([1], np.uint64))[0])
    found = [draws.getrandbits(40) for _ in range(2000)]
    assert max(found) < 2**40 and max(found) > 0.99 * 2**40
    assert 0.45 < np.mean([number & 1 for number in found]) < 0.55


def test_the_lazy_generator_draws_what_numpy_does_from_the_state_of_each_key() -> None:
    def numpys(key: int) -> list[float]:
        bits = np.random.PCG64()
        bits.state = {**bits.state, "state": {"state": key << 64 | key, "inc": 1}}
        return np.random.Generator(bits).normal(size=5).tolist()

    lazy = LazyGenerator()
    for key in (3, 2**64 - 1, 3):
        lazy.begin(key)
        assert [lazy.normal() for _ in range(5)] == numpys(key)
