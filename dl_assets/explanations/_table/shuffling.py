"""Permutation importance (Breiman, Random Forests, Machine Learning 2001) of the columns of a table."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dl_assets.evaluation.bootstrap import Floats, intervals
from dl_assets.evaluation.classes_scores import ratio
from dl_assets.explanations._table.asked import Asked
from dl_assets.explanations._table.judge import Judge

REPEATS = 3
MAX_COLUMNS = 40
_MAX_ANSWERS, _MAX_CELLS = 100_000, 1_000_000_000  # answers of the network to wait for, and features in all of them
_MAX_HELD = 20_000_000  # features in memory at once, twice
_LEAST_SAMPLES, _MOST_SAMPLES = 50, 10_000


def num_shuffled(asked: Asked, num_columns: int, num_samples: int) -> int:
    """Return how many samples fit the time that there is."""
    num_features = len(asked.column_of)
    answers = min(_MAX_ANSWERS, _MAX_CELLS // num_features)
    most = min(answers // (num_columns * REPEATS), _MAX_HELD // num_features)
    return min(num_samples, int(np.clip(most, _LEAST_SAMPLES, _MOST_SAMPLES)))


def harms(
    judge: Judge,
    asked: Asked,
    raw: Floats,
    truth: NDArray[np.generic],
    columns: NDArray[np.int64],
    *,
    resamples: int,
    seed: int,
) -> Floats:
    """Return the harms of shuffling one of the columns after the other: value, low and high, [3, harms, columns].

    Of several shuffles the mean. The intervals are those of other samples, not of other shuffles.
    """
    features = asked.features(raw)
    added = np.stack([_penalties(judge, asked, features, truth, int(column), seed) for column in columns], axis=2)
    added -= judge.penalties(truth, asked.answers(features))[:, :, None]  # [N, harms, columns]

    def measure(weights: Floats) -> dict[str, Floats]:
        sums = (weights @ added.reshape(len(raw), -1)).reshape(len(weights), *added.shape[1:])  # [B, harms, columns]
        return {"harm": ratio(sums, np.broadcast_to(judge.spread(truth, weights)[:, None, None], sums.shape))}

    return intervals(measure, len(raw), bootstrap_samples=resamples, seed=seed)["harm"]


def _penalties(judge: Judge, asked: Asked, features: Tensor, truth: NDArray[np.generic], column: int, seed: int) -> Floats:
    """Return each sample's mean penalties [N, harms] over several shuffles of the column."""
    rng = np.random.default_rng((seed, column))
    own = torch.from_numpy(np.flatnonzero(asked.column_of == column)).to(features.device)
    changed, penalties = features.clone(), np.zeros((len(features), len(judge.harms)))
    for _ in range(REPEATS):
        # To shuffle a column is to shuffle its features, which say nothing of another one: so they are computed only once.
        shuffled = torch.from_numpy(rng.permutation(len(features))).to(features.device)
        changed[:, own] = features[shuffled[:, None], own]
        penalties += judge.penalties(truth, asked.answers(changed))
    return penalties / REPEATS
