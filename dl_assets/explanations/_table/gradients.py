"""Integrated gradients of a network's body (Sundararajan, Taly and Yan, Axiomatic Attribution for Deep Networks, ICML 2017)."""

import numpy as np
import torch
from captum.attr import IntegratedGradients
from torch import Tensor, nn

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.explanations._standing import Standing
from dl_assets.explanations._table.asked import Asked

_STEPS = 32
_MAX_CELLS, _LEAST_SAMPLES, _MOST_SAMPLES = 1_000_000, 16, 256


def num_attributed(asked: Asked, num_samples: int) -> int:
    """Return how many samples are enough for a mean, and fit the time that there is."""
    return min(num_samples, int(np.clip(_MAX_CELLS // len(asked.column_of), _LEAST_SAMPLES, _MOST_SAMPLES)))


def attributions(asked: Asked, raw: Floats, train: Floats) -> Floats:
    """Return what each column adds to the answer of each sample, [N, n], of raw values [N, n].

    It is told against the mean features of the train part. The answer is the output before the activation; of several
    classes that of the predicted one less the mean of all, because what is added to all of them changes no probability.
    A row sums to the difference of the answers for the sample and for those means, but for the error of the integral.
    """
    features, means = asked.features(raw), asked.mean_features(train)
    found = IntegratedGradients(Standing(asked.network.body)).attribute(
        features,
        means,
        target=chosen(asked.network.body, features),
        n_steps=_STEPS,
        internal_batch_size=len(features),  # one step after the other
    )
    by_column = np.zeros((raw.shape[1], len(raw)))
    np.add.at(by_column, asked.column_of, found.detach().double().cpu().numpy().T)
    return by_column.T


@torch.no_grad()
def chosen(body: nn.Module, features: Tensor) -> Tensor:
    """Return the index of the largest output of each sample, [N]."""
    outputs: Tensor = body(features)
    return outputs.argmax(dim=1)
