"""Dividing units among bins so that the bins' shares come out right, for every class at once."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dl_assets.splitting.units import Units, Whole

FREE = -1  # in place of a bin: not decided yet
Floats = NDArray[np.float64]


def hold(units: Units, strata: pl.Series, order: Whole) -> pl.DataFrame:
    """Return how many samples of each stratum each unit holds: stratum, unit, size.

    `strata` [N] lists the strata of each sample. The stratum of the fewest units comes first; its units are as in `order`.
    """
    rank = pl.DataFrame({"unit": order, "rank": np.arange(len(order))})
    table = pl.DataFrame({"unit": units.of_sample, "stratum": strata}).explode("stratum")
    held = table.group_by("stratum", "unit").agg(size=pl.len()).join(rank, on="unit")
    return held.sort(pl.len().over("stratum"), "stratum", "rank").drop("rank")


def fill(held: pl.DataFrame, bins: Whole, shares: Floats) -> Whole:
    """Return the bin of each unit [U]: what is not FREE in `bins` stays, the rest fills up what is missing to `shares`.

    Stratum by stratum, the one of the fewest units first, as in iterative stratification (Sechidis, Tsoumakas and
    Vlahavas 2011): a unit of several strata is placed with the one that has the least choice, and counts in all of them.
    Of a stratum of units of one sample, a fresh fill leaves each bin less than one sample from its exact share.
    """
    bins = bins.copy()
    for (_,), rows in held.group_by("stratum", maintain_order=True):
        units, sizes = rows["unit"].to_numpy(), rows["size"].to_numpy()
        free = bins[units] == FREE
        if not free.any():
            continue
        filled = np.bincount(bins[units[~free]], weights=sizes[~free], minlength=len(shares))
        missing = np.maximum(shares * sizes.sum() - filled, 0)
        bins[units[free]] = cut(sizes[free], missing, required=(filled == 0) & (shares > 0))
    return bins


def cut(sizes: Whole, missing: Floats, required: NDArray[np.bool_]) -> Whole:
    """Return the bin of each of these entries, which stay in order: the first ones go to bin 0, and so on.

    Bins take in proportion to what is `missing` in them, to the nearest entry. A required one takes an entry at least,
    as long as there are enough.

    >>> cut(np.ones(10, dtype=int), np.array([7, 1.5, 1.5]), np.ones(3, dtype=bool))
    array([0, 0, 0, 0, 0, 0, 0, 1, 2, 2])
    """
    middles = (np.cumsum(sizes) - sizes / 2) / sizes.sum()
    ends = np.searchsorted(middles, np.cumsum(missing)[:-1] / missing.sum())
    for index in range(len(ends)):
        least = (ends[index - 1] if index else 0) + required[index]
        most = len(sizes) - required[index + 1 :].sum()
        ends[index] = max(min(max(ends[index], least), most), least - required[index])
    return np.searchsorted(ends, np.arange(len(sizes)), side="right")


def deal(held: pl.DataFrame, bins: Whole, sizes: Whole, num_bins: int) -> Whole:
    """Return the bin of each unit [U]: what is not FREE in `bins` stays, each other one in `held` goes to the emptiest bin.

    Emptiest is what holds the fewest samples of the unit's stratum, and the fewest at all where that is a tie: so strata
    of few units spread over the bins, where `fill` would put each of them into the middle one. `sizes` [U] are in samples.
    """
    bins = bins.copy()
    total = np.bincount(bins[bins != FREE], weights=sizes[bins != FREE], minlength=num_bins).astype(np.int64).tolist()
    beyond = 1 + int(sizes.sum())
    for (_,), rows in held.group_by("stratum", maintain_order=True):
        units, counts = rows["unit"].to_numpy(), rows["size"].to_numpy()
        free = bins[units] == FREE
        own = np.bincount(bins[units[~free]], weights=counts[~free], minlength=num_bins).astype(np.int64).tolist()
        for unit, count in zip(units[free].tolist(), counts[free].tolist(), strict=True):
            costs = [one * beyond + every for one, every in zip(own, total, strict=True)]
            chosen = costs.index(min(costs))
            bins[unit] = chosen
            own[chosen] += count
            total[chosen] += int(sizes[unit])
    return bins
