"""A network that answers many samples in bounded memory, and which of its features stand for which column."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.inference.network import Network
from dl_assets.inputs._table.dates import PARTS
from dl_assets.inputs._table.encode import spans_of

_MAX_CELLS = 1_000_000  # features in one batch
_MAX_BATCH = 2048


class Asked:
    """A network in eval mode, on whichever device it is."""

    def __init__(self, network: Network, inputs: dict[str, Any]) -> None:
        self.network = network
        self.column_of = column_of_feature(inputs)  # [F]
        self.batch_size = int(np.clip(_MAX_CELLS // len(self.column_of), 1, _MAX_BATCH))
        self._device = next(network.parameters()).device

    @torch.inference_mode()
    def answers(self, features: Tensor) -> Floats:
        """Return the answers [N, outputs] for features [N, F]."""
        network = self.network
        batches = [
            network.calibration(network.activation(network.body(batch))) for batch in torch.split(features, self.batch_size)
        ]
        answers: Floats = torch.cat(batches).double().cpu().numpy()
        return answers

    @torch.no_grad()
    def features(self, raw: Floats) -> Tensor:
        """Return the features float32 [N, F] of raw values [N, n]; unlike those of inference mode, a gradient may pass them."""
        return torch.cat([self.network.preprocess(batch) for batch in self._batches(raw)])

    @torch.no_grad()
    def mean_features(self, raw: Floats) -> Tensor:
        """Return the mean features [1, F] of raw values [N, n]."""
        sums = [self.network.preprocess(batch).double().sum(dim=0) for batch in self._batches(raw)]
        return (torch.stack(sums).sum(dim=0, keepdim=True) / len(raw)).float()

    def _batches(self, raw: Floats) -> tuple[Tensor, ...]:
        return torch.split(torch.from_numpy(raw).to(self._device), self.batch_size)


def column_of_feature(inputs: dict[str, Any]) -> NDArray[np.int64]:
    """Return of each feature the place of its column in the raw values, [F]; those of a date's parts are the date's.

    >>> age = {"name": "age", "kind": "number", "scale": "piecewise", "edges": [0, 1, 2], "has_missing": True}
    >>> sex = {"name": "sex", "kind": "category", "words": ["f", "m"], "has_missing": False}
    >>> column_of_feature({"kinds": ["number", "category"], "columns": [age, sex]}).tolist()
    [0, 0, 0, 1, 1, 1]
    """
    widths = [stop - start for _, _, start, stop in spans_of(inputs["columns"])]
    places = [place for place, kind in enumerate(inputs["kinds"]) for _ in range(len(PARTS) if kind == "date" else 1)]
    return np.repeat(places, widths)
