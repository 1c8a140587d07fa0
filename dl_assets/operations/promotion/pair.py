"""Champion and challenger on the same samples: their answers made comparable, and by how much one is better."""

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dl_assets.evaluation.bootstrap import Measure, resamples
from dl_assets.operations.promotion.difference import Gain, McNemar, gain_of, mcnemar


@dataclass(frozen=True)
class Pair:
    """Predictions of both for the same samples in the same order, and what decides between them."""

    champion: pl.DataFrame
    challenger: pl.DataFrame
    fitted: dict[str, Any]
    evaluation: ModuleType
    metric: str
    direction: str

    def of(self, members: NDArray[np.int64]) -> "Pair":
        """Return both for some of the samples only."""
        return Pair(self.champion[members], self.challenger[members], self.fitted, self.evaluation, self.metric, self.direction)

    def values(self) -> tuple[float, float]:
        """Return the metric of champion and challenger; NaN where it is undefined."""
        once = np.ones((1, len(self.champion)))
        champion, challenger = (float(measure(once)[self.metric][0]) for measure in self._measures())
        return champion, challenger

    def gain(self, *, bootstrap_samples: int, seed: int) -> Gain:
        """Measure both on the same resamples of the samples, so that what is hard for both cancels out."""
        champion, challenger = self._measures()
        draws = [
            self._sign * (challenger(weights)[self.metric] - champion(weights)[self.metric])
            for weights in resamples(len(self.champion), bootstrap_samples, seed)
        ]
        before, after = self.values()
        return gain_of(self._sign * (after - before), np.concatenate(draws))

    def mcnemar(self) -> McNemar | None:
        """Compare which samples are answered correctly; None where an answer is no name that is right or wrong."""
        if "classes" not in self.fitted:
            return None
        champion, challenger = (self._correct(frame) for frame in (self.champion, self.challenger))
        return mcnemar(champion, challenger)

    @property
    def _sign(self) -> float:
        return 1.0 if self.direction == "maximize" else -1.0

    def _measures(self) -> tuple[Measure, Measure]:
        measured = self.evaluation.measured
        return measured(self.champion, self.fitted), measured(self.challenger, self.fitted)

    def _correct(self, predictions: pl.DataFrame) -> NDArray[np.bool_]:
        wrong = self.evaluation.mistakes(predictions)["id"]
        return predictions.select(~pl.col("id").is_in(wrong.implode())).to_series().to_numpy()


def all_classes(targets: ModuleType, fitted: list[dict[str, Any]], samples: pl.DataFrame) -> dict[str, Any]:
    """Return what the answers of several models are measured by: the last one's, with every class that any or a sample has.

    >>> from dl_assets.targets import classes
    >>> samples = pl.DataFrame({"target": ["owl", "cat"]})
    >>> all_classes(classes, [{"classes": ["cat", "fox"]}, {"classes": ["cat", "dog"], "threshold": 0.4}], samples)
    {'classes': ['cat', 'dog', 'fox', 'owl'], 'threshold': 0.4}
    """
    if "classes" not in fitted[-1]:
        return fitted[-1]
    seen = sorted(set(targets.strata(samples["target"]).explode().drop_nulls()))
    known = [*fitted[-1]["classes"], *(name for one in fitted for name in one["classes"]), *seen]
    return {**fitted[-1], "classes": list(dict.fromkeys(known))}


def widen(predictions: pl.DataFrame, fitted: dict[str, Any]) -> pl.DataFrame:
    """Give a class that a model does not know the probability 0: what belongs to it, the model answers wrongly."""
    names = [f"probability_{name}" for name in fitted.get("classes", [])]
    return predictions.with_columns(pl.lit(0.0).alias(name) for name in names if name not in predictions.columns)
