"""The search for near hashes finds what comparing all with all finds."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dl_assets.inputs._image.near import near_pairs

Hashes = NDArray[np.uint64]

# Few bits are set, so that many are near to each other; some anywhere, so that every slice is used.
hashes = st.lists(st.sets(st.integers(0, 63), max_size=5).map(lambda bits: sum(1 << bit for bit in bits)), max_size=30).map(
    lambda values: np.array(values, np.uint64)
)


def brute_force(values: Hashes, max_distance: int) -> set[tuple[int, int, int]]:
    all_pairs = ((i, j, int(values[i] ^ values[j]).bit_count()) for j in range(len(values)) for i in range(j))
    return {pair for pair in all_pairs if pair[2] <= max_distance}


def rows(pairs: tuple[NDArray[np.int64], ...]) -> list[tuple[int, ...]]:
    return [tuple(row) for row in np.stack(pairs, axis=1).tolist()]


@settings(deadline=None)
@given(values=hashes, max_distance=st.integers(0, 12))
def test_all_pairs_are_found_once(values: Hashes, max_distance: int) -> None:
    found = rows(near_pairs(values, max_distance))
    assert found == sorted(brute_force(values, max_distance))


@settings(deadline=None)
@given(values=hashes, max_neighbours=st.integers(1, 3))
def test_thinned_or_not_whatever_has_a_neighbour_of_its_kind_is_listed_with_one(values: Hashes, max_neighbours: int) -> None:
    kinds = np.arange(len(values)) % 2
    everything = brute_force(values, 4)
    found = rows(near_pairs(values, 4, kinds=kinds, max_neighbours=max_neighbours))
    assert set(found) <= everything
    assert len(found) == len(set(found))
    of_one_kind = {i for pair in everything if kinds[pair[0]] == kinds[pair[1]] for i in pair[:2]}
    assert {i for pair in found if kinds[pair[0]] == kinds[pair[1]] for i in pair[:2]} == of_one_kind


def test_sixty_thousand_equal_hashes_make_few_pairs_that_still_hold_together() -> None:
    first, second, distance = near_pairs(np.zeros(60_000, np.uint64), 6)
    assert len(first) < 40 * 60_000
    assert set(second[first == 0]) == set(range(1, 60_000))
    assert not distance.any()


def test_a_pair_that_is_turned_down_is_not_listed() -> None:
    found = near_pairs(np.zeros(3, np.uint64), 0, agree=lambda first, second: (first == 0) & (second == 2))
    assert rows(found) == [(0, 2, 0)]
