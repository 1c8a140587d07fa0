"""The numbers behind the figures of a model that answers with a number, as tables for `dvc plots` and for people."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.evaluation.numbers_scores import Amounts

MAX_POINTS = 200
NUM_BARS = 41  # odd, so that the middle one holds the right answers
_FAR = 3.0  # times what 95 % of the errors do not exceed: what is further away is drawn at the edge


@dataclass(frozen=True)
class Errors:
    """How far N targets lie from their answers: the difference, or the logarithm of how many times as large they are."""

    values: Floats  # [N]
    is_log: bool

    @property
    def edge(self) -> float:
        """What is further away than this from 0, on either side, is not worth a place of its own."""
        distance = np.abs(self.values)
        return float(min(distance.max(), _FAR * np.quantile(distance, 0.95))) or 1.0

    @property
    def inside(self) -> Floats:
        """Return the values, those beyond the edges put on them."""
        found: Floats = np.clip(self.values, -self.edge, self.edge)
        return found

    @property
    def is_beyond(self) -> NDArray[np.bool_]:
        return np.abs(self.values) > self.edge * (1 + 1e-9)


def errors_of(amounts: Amounts, *, is_log: bool) -> Errors:
    """Measure the errors as they were learnt; by the logarithm, a target that is not above 0 is as far off as can be."""
    if not is_log:
        return Errors(amounts.residual, is_log)
    is_above = amounts.target > 0
    values = np.log(np.where(is_above, amounts.target, 1.0) / amounts.prediction)
    return Errors(np.where(is_above, values, values[is_above].min(initial=-1.0)), is_log)


def points(amounts: Amounts) -> pl.DataFrame:
    """Return target, prediction and residual of at most 200 samples, evenly among them by the order of their target."""
    order = np.argsort(amounts.target, kind="stable")
    chosen = order[np.unique(np.linspace(0, len(order) - 1, min(MAX_POINTS, len(order))).round().astype(int))]
    columns = {"target": amounts.target, "prediction": amounts.prediction, "residual": amounts.residual}
    return pl.DataFrame({name: values[chosen] for name, values in columns.items()})


def bars(errors: Errors) -> tuple[Floats, NDArray[np.int64]]:
    """Return the edges [B + 1] of the bars and how many samples are in each [B]; the outermost hold all that lies beyond."""
    edges = np.linspace(-errors.edge, errors.edge, NUM_BARS + 1)
    return edges, np.histogram(errors.inside, edges)[0]


def histogram(amounts: Amounts, *, is_log: bool) -> pl.DataFrame:
    """Return how many samples have which error: from, to and count. By the logarithm, an error is target / prediction."""
    edges, counts = bars(errors_of(amounts, is_log=is_log))
    edges = np.exp(edges) if is_log else edges
    return pl.DataFrame({"from": edges[:-1], "to": edges[1:], "count": counts})
