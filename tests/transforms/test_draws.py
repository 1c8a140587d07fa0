"""Draws are the same in every process, and as good as random."""

import numpy as np

from dl_assets.transforms._draws import keys_of, numbers_of, uniform


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
