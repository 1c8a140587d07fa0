"""Pairs of 64-bit hashes that differ in few bits: all of them, by exact search, in bounded memory."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]
Pairs = tuple[Indices, Indices, Indices]  # first < second, and in how many bits they differ

BITS = 64
MAX_NEIGHBOURS = 32
_MAX_CANDIDATES = 1_000_000  # compared at once: about 50 MB


def near_pairs(
    hashes: NDArray[np.uint64],
    max_distance: int,
    *,
    agree: Callable[[Indices, Indices], Flags] | None = None,
    kinds: Indices | None = None,
    max_neighbours: int = MAX_NEIGHBOURS,
) -> Pairs:
    """Return all pairs whose Hamming distance is at most `max_distance`, sorted by first and second.

    `agree(firsts, seconds)` may turn candidates down; it is asked about a million pairs or so at a time.

    Where very many are alike (the frames of a camera that stands still), the result is thinned: a sample that already has
    `max_neighbours` earlier neighbours, one of its own kind among them, is not compared with any other such sample, so that
    n samples never make n * n pairs. It keeps the pairs that it has, so it still hangs together with them.

    By the pigeonhole principle, two hashes that differ in d bits are equal in one of any d + 1 slices of theirs; so only
    those that share a slice are compared (Manku, Jain and Das Sarma 2007). 60,000 hashes at distance 6: 0.4 CPU seconds.
    """
    search = _Search(hashes, max_distance)
    kinds = np.zeros(len(hashes), np.int64) if kinds is None else kinds
    num_earlier, has_own = np.zeros(len(hashes), np.int64), np.zeros(len(hashes), np.bool_)
    skipped = np.zeros(len(hashes), np.bool_)
    nothing = np.zeros(0, np.int64)
    found: list[Pairs] = [(nothing, nothing, nothing)]
    for rows in _chunks(search.costs, skipped):
        first, second, distance = search.from_rows(rows, skipped)
        if agree is not None:
            agreed = agree(first, second)
            first, second, distance = first[agreed], second[agreed], distance[agreed]
        found.append((np.minimum(first, second), np.maximum(first, second), distance))
        np.add.at(num_earlier, second, 1)
        has_own[second[kinds[first] == kinds[second]]] = True
        skipped |= (num_earlier >= max_neighbours) & has_own & (np.arange(len(hashes)) > rows[-1])
    first, second, distance = (np.concatenate([block[axis] for block in found]) for axis in range(3))
    order = np.lexsort((second, first))
    return first[order], second[order], distance[order]


class _Search:
    """For every slice of the hash: the samples sorted by it, so that those that share it stand side by side."""

    def __init__(self, hashes: NDArray[np.uint64], max_distance: int) -> None:
        num_slices = max_distance + 1
        # Every k-th bit, because neighbouring bits of a picture's hash go together, and fill few buckets.
        bits = [range(start, BITS, num_slices) for start in range(num_slices)]
        self._masks = [np.uint64(sum(1 << bit for bit in chosen)) for chosen in bits]
        self._hashes, self._max_distance = hashes, max_distance
        self._slices = [_bucket(hashes & mask) for mask in self._masks]
        self.costs = sum((end - place for _, place, _, end in self._slices), np.zeros(len(hashes), np.int64))

    def from_rows(self, rows: Indices, skipped: Flags) -> Pairs:
        """Return what is near to each of these rows: the later ones, and of the earlier ones those that were skipped."""
        any_skipped = bool(skipped[: rows[-1] + 1].any())
        blocks = []
        for index, (order, place, start, end) in enumerate(self._slices):
            begin = start[rows] if any_skipped else place[rows] + 1
            counts = end[rows] - begin
            first = np.repeat(rows, counts)
            within = np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts - begin, counts)
            second = order[within]
            differing = self._hashes[first] ^ self._hashes[second]
            distance = np.bitwise_count(differing)
            near = np.flatnonzero(distance <= self._max_distance)
            first, second, distance, differing = first[near], second[near], distance[near], differing[near]
            wanted = (second > first) | (skipped[second] & (second != first))
            for mask in self._masks[:index]:
                wanted &= (differing & mask) != 0  # else an earlier slice has found it already
            blocks.append((first[wanted], second[wanted], distance[wanted].astype(np.int64)))
        first, second, distance = (np.concatenate([block[axis] for block in blocks]) for axis in range(3))
        return first, second, distance


def _bucket(keys: NDArray[np.uint64]) -> tuple[Indices, Indices, Indices, Indices]:
    """Return the sorted order, and each sample's place in it, and where its bucket starts and ends there."""
    order = np.argsort(keys, kind="stable")  # within a bucket in the order of the samples
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    in_order = keys[order]
    return order, place, np.searchsorted(in_order, keys, "left"), np.searchsorted(in_order, keys, "right")


def _chunks(costs: Indices, skipped: Flags) -> Iterator[Indices]:
    """Yield rows in their order, so many that their costs fit; those that were skipped meanwhile are left out."""
    ends = np.cumsum(costs)
    start = 0
    while start < len(costs):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + _MAX_CANDIDATES, "right")))
        rows = np.flatnonzero(~skipped[start:stop]) + start
        if len(rows):
            yield rows
        start = stop
