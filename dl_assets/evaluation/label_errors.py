"""Samples whose target is likely wrong, by confident learning (Northcutt, Jiang and Chuang, JAIR 2021)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dl_assets.evaluation.bootstrap import Floats


@dataclass(frozen=True)
class LabelErrors:
    """What the answers to N samples, none of which the model learnt from, say of their targets."""

    joint: Floats  # [C, C], share of all samples: row is the target, column what it should be
    likely: NDArray[np.int64]  # [N], the class that each sample confidently is; -1 where none is confident

    @property
    def expected(self) -> float:
        """Return which share of the targets is estimated to be wrong."""
        return float(self.joint.sum() - np.trace(self.joint))


def find_label_errors(probabilities: Floats, target: NDArray[np.int64]) -> LabelErrors:
    """Count which classes the samples [N] of each target confidently are, of probabilities [N, C].

    A sample is confidently of a class where its probability is at least the mean of those that have this target; of several
    such classes the likeliest counts. The counts are then scaled so that each target keeps its number of samples.
    """
    num_samples, size = probabilities.shape
    support = np.bincount(target, minlength=size)
    is_confident = probabilities >= _self_confidence(probabilities, target, support) - 1e-9
    likely = np.where(is_confident.any(axis=1), np.where(is_confident, probabilities, -1.0).argmax(axis=1), -1)
    counted = likely >= 0
    counts = np.bincount(target[counted] * size + likely[counted], minlength=size * size).reshape(size, size).astype(np.float64)
    counts += np.diag(counts.sum(axis=1) == 0)  # of such a target nothing is known: it is taken as right
    joint = counts / counts.sum(axis=1, keepdims=True) * support[:, None] / num_samples
    return LabelErrors(joint, likely)


def _self_confidence(probabilities: Floats, target: NDArray[np.int64], support: NDArray[np.int64]) -> Floats:
    """Return the mean probability of each class among the samples that have it as target, [C]; infinite where none has."""
    given = probabilities[np.arange(len(target)), target]
    sums = np.bincount(target, weights=given, minlength=len(support))
    means: Floats = np.where(support > 0, sums / np.maximum(support, 1), np.inf)
    return means
