"""The metrics of a model that answers with a number, computed for many weightings of the same samples at once."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.evaluation.ranking import ratio
from dl_assets.targets.numbers import read

_ALL_EQUAL = 1e-12  # of the sum of squares: what is left of it by rounding where all targets are equal


@dataclass(frozen=True)
class Amounts:
    """N answers that are numbers; `low` and `high` are NaN where no interval is known."""

    target: Floats  # [N]
    prediction: Floats
    low: Floats
    high: Floats

    @property
    def residual(self) -> Floats:
        """Return [N]: how much more the target is than the answer."""
        return self.target - self.prediction

    @property
    def width(self) -> Floats:
        """Return [N]: how wide the interval is; NaN where it has no end."""
        found = self.high - self.low
        return np.where(np.isfinite(found), found, np.nan)


def read_amounts(predictions: pl.DataFrame) -> Amounts:
    """Take the answers from a predictions frame."""
    low, high = (
        predictions[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
        if name in predictions.columns
        else np.full(len(predictions), np.nan)
        for name in ("low", "high")
    )
    return Amounts(read(predictions["target"]), predictions["prediction"].to_numpy().astype(np.float64), low, high)


def measure(amounts: Amounts, weights: Floats) -> dict[str, Floats]:
    """Return each metric for each row of `weights` [B, N], how often each sample is in a resample: [B]. Undefined is NaN.

    Definitions are scikit-learn's; R2 is undefined where all targets are equal.
    """
    total, errors = weights.sum(axis=1), np.abs(amounts.residual)
    return {
        "r2": r2(amounts, weights),
        "rmse": np.sqrt(weights @ errors**2 / total),
        "mae": weights @ errors / total,
        "medae": median(errors, weights),
        "interval_coverage": _coverage(amounts, weights) / total,
        "interval_width": weights @ amounts.width / total,
        "support": total,
    }


def r2(amounts: Amounts, weights: Floats) -> Floats:
    """Return [B]: the share of the targets' squared differences from their mean that the answers explain; below 0 for worse."""
    centred = amounts.target - amounts.target.mean()  # else the difference of two large sums would be all rounding
    whole = weights @ centred**2
    spread = whole - (weights @ centred) ** 2 / weights.sum(axis=1)
    return 1 - ratio(weights @ amounts.residual**2, np.where(spread > _ALL_EQUAL * whole, spread, 0.0))


def median(values: Floats, weights: Floats) -> Floats:
    """Return [B]: the median of values [N], each counted `weights` [B, N] times; of two in the middle, their mean."""
    order = np.argsort(values, kind="stable")
    last = np.cumsum(weights[:, order], axis=1)  # [B, N]: rank behind the last copy of each value
    middle = (last[:, -1:] - 1) / 2
    lower, upper = ((last <= side(middle)).sum(axis=1) for side in (np.floor, np.ceil))
    found: Floats = (values[order][lower] + values[order][upper]) / 2
    return found


def _coverage(amounts: Amounts, weights: Floats) -> Floats:
    """Return [B]: how many targets are inside of their interval; NaN where there are none."""
    inside = (amounts.low <= amounts.target) & (amounts.target <= amounts.high)
    found: Floats = weights @ np.where(np.isnan(amounts.low), np.nan, inside)
    return found
