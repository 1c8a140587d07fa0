"""The search for near hashes finds what comparing all with all finds."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from dl_assets.inputs._image.near import Earlier, Flags, is_complete, near_pairs

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


@st.composite
def known(draw: st.DrawFn) -> tuple[Hashes, Flags]:
    values = draw(hashes)
    return values, np.array(draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values))), np.bool_)


def earlier_search(values: Hashes, is_known: Flags, max_distance: int) -> Earlier:
    """Search among the known ones alone, as an earlier run did."""
    places = np.flatnonzero(is_known)
    first, second, distance = near_pairs(values[is_known], max_distance)
    return Earlier(is_known, (places[first], places[second], distance))


@settings(deadline=None)
@given(case=known(), max_distance=st.integers(0, 12))
def test_what_an_earlier_search_knows_makes_no_difference(case: tuple[Hashes, Flags], max_distance: int) -> None:
    values, is_known = case
    found = near_pairs(values, max_distance, earlier=earlier_search(values, is_known, max_distance))
    assert rows(found) == sorted(brute_force(values, max_distance))


@settings(deadline=None)
@given(case=known(), max_neighbours=st.integers(1, 3))
def test_where_pairs_are_thinned_an_earlier_search_makes_no_difference_either(
    case: tuple[Hashes, Flags], max_neighbours: int
) -> None:
    values, is_known = case
    earlier, kinds = earlier_search(values, is_known, 4), np.arange(len(values)) % 2
    alone = near_pairs(values, 4, kinds=kinds, max_neighbours=max_neighbours)
    assert rows(near_pairs(values, 4, kinds=kinds, max_neighbours=max_neighbours, earlier=earlier)) == rows(alone)


@settings(deadline=None)
@given(values=hashes, max_neighbours=st.integers(1, 3))
def test_pairs_that_are_called_complete_are_all_there_are(values: Hashes, max_neighbours: int) -> None:
    kinds = np.arange(len(values)) % 2
    found = near_pairs(values, 4, kinds=kinds, max_neighbours=max_neighbours)
    assert not is_complete(found, kinds, max_neighbours) or set(rows(found)) == brute_force(values, 4)


def test_only_pairs_of_new_hashes_are_judged_again() -> None:
    values, is_known = np.zeros(4, np.uint64), np.array([True, False, True, True])
    earlier = Earlier(is_known, (np.array([0]), np.array([3]), np.array([0])))  # 0 and 2 were turned down, as were 2 and 3
    asked: list[tuple[int, int]] = []

    def agree(first: NDArray[np.int64], second: NDArray[np.int64]) -> Flags:
        asked.extend(zip(first.tolist(), second.tolist(), strict=True))
        return np.ones(len(first), np.bool_)

    assert rows(near_pairs(values, 0, agree=agree, earlier=earlier)) == [(0, 1, 0), (0, 3, 0), (1, 2, 0), (1, 3, 0)]
    assert asked == [(0, 1), (1, 2), (1, 3)]


def test_few_new_among_many_equal_hashes_take_little_room() -> None:
    values, is_known = np.zeros(60_000, np.uint64), np.arange(60_000) < 59_400
    alone, nothing = near_pairs(values, 6), np.zeros(0, np.int64)
    for one, other in zip(alone, near_pairs(values, 6, earlier=Earlier(is_known, (nothing, nothing, nothing))), strict=True):
        np.testing.assert_array_equal(one, other)


def test_sixty_thousand_equal_hashes_make_few_pairs_that_still_hold_together() -> None:
    first, second, distance = near_pairs(np.zeros(60_000, np.uint64), 6)
    assert len(first) < 40 * 60_000
    assert set(second[first == 0]) == set(range(1, 60_000))
    assert not distance.any()


def test_a_pair_that_is_turned_down_is_not_listed() -> None:
    found = near_pairs(np.zeros(3, np.uint64), 0, agree=lambda first, second: (first == 0) & (second == 2))
    assert rows(found) == [(0, 2, 0)]
