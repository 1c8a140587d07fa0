"""Intervals around answers that are numbers, as wide as the errors on val say they must be."""

import math
from typing import Any

import numpy as np
import polars as pl

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.targets.numbers import learnt, read, unlearnt

COVERAGE = 0.9  # of 95 % it would take 19 samples of val to say anything, and twice as many to say it well


def with_intervals(predictions: pl.DataFrame, fitted: dict[str, Any]) -> pl.DataFrame:
    """Return the predictions with `low` and `high`, between which 90 % of targets are: split-conformal, calibrated on val.

    The error is measured on the scale that was learnt: by the logarithm, an interval is wider where the answer is larger. Where
    val has fewer than nine samples, nothing is known, and both are null. Vovk, Gammerman and Shafer 2005; Lei et al. 2018.

    Val has chosen the epoch too, so its errors are a little smaller than those of new samples, and so are the intervals.
    """
    val = predictions.filter(part="val")
    errors = np.abs(learnt(read(val["target"]), fitted) - learnt(val["prediction"].to_numpy(), fitted))
    reach = quantile(errors, COVERAGE)
    middle = learnt(predictions["prediction"].to_numpy(), fitted)
    reached = {"low": middle - reach, "high": middle + reach} if math.isfinite(reach) else dict.fromkeys(("low", "high"))
    ends = {name: pl.lit(None) if ends is None else pl.Series(unlearnt(ends, fitted)) for name, ends in reached.items()}
    return predictions.with_columns(**ends).cast(dict.fromkeys(reached, pl.Float64))


def quantile(errors: Floats, coverage: float) -> float:
    """Return what a new error is at most, with this chance, if it is like these; infinite where they are too few to tell.

    It is the one of rank (n + 1) * coverage, rounded up: the new one is equally likely to be anywhere among the n + 1.

    >>> quantile(np.arange(1.0, 10.0), 0.9), quantile(np.arange(1.0, 9.0), 0.9)
    (9.0, inf)
    """
    rank = math.ceil(round((len(errors) + 1) * coverage, 9))  # 0.9 is a little more than nine tenths
    return float(np.sort(errors)[rank - 1]) if 0 < rank <= len(errors) else math.inf
