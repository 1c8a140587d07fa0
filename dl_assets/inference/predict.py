"""The answers of a network for stored samples."""

import numpy as np
import torch
from numpy.typing import NDArray

from dl_assets.artifacts.shards import Arrays
from dl_assets.inference.network import Network


@torch.inference_mode()
def predict(network: Network, arrays: Arrays, batch_size: int = 256) -> NDArray[np.float32]:
    """Return probabilities [N, outputs] in the order of `arrays`, computed on the device that the network is on."""
    network.eval()
    device = next(network.parameters()).device
    batches = [
        network.probabilities(torch.from_numpy(arrays.batch(indices)).to(device)).float().cpu().numpy()
        for indices in _consecutive(len(arrays), batch_size)
    ]
    if not batches:
        return np.zeros((0, 0), dtype=np.float32)
    return np.concatenate(batches)


def _consecutive(num_samples: int, batch_size: int) -> list[NDArray[np.int64]]:
    return [np.arange(start, min(start + batch_size, num_samples)) for start in range(0, num_samples, batch_size)]
