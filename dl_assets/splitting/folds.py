"""The fold of every sample that is not in test: for cross-validation, each fold in balance and no unit divided."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dl_assets.splitting.cut import FREE, deal, hold
from dl_assets.splitting.units import Units, Whole


def balanced(strata: pl.Series, *, stratify: bool) -> pl.Series:
    """Return for each sample what is kept in balance, as a list: its strata, or one that all share."""
    return strata if stratify else pl.Series([[""]] * len(strata), dtype=pl.List(pl.String))


def draw_folds(units: Units, alike: pl.Series, kept: Whole, in_test: NDArray[np.bool_], *, num_folds: int, seed: int) -> Whole:
    """Return the fold of each sample [N], FREE for those `in_test` [N].

    `alike` [N] is from `balanced`; `kept` [U] is the fold that a unit had before, FREE where it is new.
    """
    dealt = hold(units, alike, units.hashed(f"{seed} fold"))
    is_dealt = np.isin(np.arange(len(units)), units.of_sample[~in_test])
    rows = dealt.filter(is_dealt[dealt["unit"].to_numpy()])
    folds = deal(rows, np.where(is_dealt, kept, FREE), units.sizes, num_folds)
    return np.where(in_test, FREE, folds[units.of_sample])
