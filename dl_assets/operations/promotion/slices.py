"""Whether the challenger fails a part of the samples, such as a class or dark pictures, that the champion got right."""

import math
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from dl_assets.config import Pipeline
from dl_assets.explanations import slicing
from dl_assets.operations.promotion.pair import Pair

LEAST_SAMPLES = 30
_KEPT = 5  # of the decision's record


@dataclass(frozen=True)
class Slice:
    """How both do on the samples of which `column` is among `values`; a `loss` above 0 is the champion's lead.

    `p` is the chance of such a loss by accident; None where the loss is small enough not to be asked about.
    """

    column: str
    values: str
    samples: int
    champion: float
    challenger: float
    loss: float
    p: float | None


def compare_slices(
    pair: Pair, config: Pipeline, samples: pl.DataFrame, clean: Path, *, limit: float, seed: int
) -> tuple[list[Slice], int]:
    """Return the slices that lose most, worst first, and how many of 30 samples or more there are.

    Every slice in which more than the limit is lost is among them.
    """
    found = [
        compared
        for one in slicing.memberships(config, samples=samples, clean=clean)
        if len(one.members) >= LEAST_SAMPLES
        and (compared := _compare(one, pair.of(one.members), limit, config.evaluate.bootstrap_samples, seed))
    ]
    worst = sorted(found, key=lambda one: (-one.loss, one.column, one.values))
    num_kept = max(_KEPT, sum(one.loss > limit for one in worst))
    return worst[:num_kept], len(found)


def _compare(found: slicing.Slice, pair: Pair, limit: float, bootstrap_samples: int, seed: int) -> Slice | None:
    """Return how both do on a slice; None where the metric is undefined there, as ROC AUC is for one class."""
    champion, challenger = pair.values()
    if math.isnan(champion) or math.isnan(challenger):
        return None
    loss = champion - challenger if pair.direction == "maximize" else challenger - champion
    if is_relative(pair):
        loss = loss / champion if champion else math.copysign(float(loss != 0), loss)
    p = pair.gain(bootstrap_samples=bootstrap_samples, seed=seed).p_by_normal() if loss > limit else None
    return Slice(found.column, found.values, len(found.members), champion, challenger, loss, p)


def is_relative(pair: Pair) -> bool:
    """A loss of what is in the unit of the target is told as a share of the champion's value: no limit fits every unit."""
    headline = pair.evaluation.HEADLINE.get(pair.metric)
    return bool(headline and headline.is_amount)


def failing(worst: list[Slice], limit: float, significance: float | None, num_slices: int) -> list[Slice]:
    """Return the slices that lose more than the limit, and more than chance explains where so many are asked (Bonferroni)."""
    chance = math.inf if significance is None else significance / max(num_slices, 1)
    return [one for one in worst if one.loss > limit and one.p is not None and one.p < chance]
