"""A network that is shown pictures as numbers that may be changed a little, in bounded memory, and what one picture costs."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from dl_assets.inference.network import Network

_MAX_OPERATIONS = 2e10  # of one batch
_MAX_BATCH = 128


class Asked:
    """A network in eval mode, on whichever device it is; it is shown the plain view of a picture, and no other one.

    `operations` are those for one picture, multiplications and additions counted apart. Unlike a time they are the same
    at every run, so that what is looked at depends on nothing else.
    """

    def __init__(self, network: Network, picture: NDArray[np.uint8]) -> None:
        self.network = network.eval()
        self.device = next(network.parameters()).device
        self.operations = max(self._count(picture) if network.flops is None else network.flops, 1)
        self.batch_size = int(np.clip(_MAX_OPERATIONS // self.operations, 1, _MAX_BATCH))

    def _count(self, picture: NDArray[np.uint8]) -> int:
        """Count the operations of a network that comes from no card; that imports torch's compiler, which takes seconds."""
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            self.outputs(self.pixels(picture[None]))
        return int(counter.get_total_flops())

    def pixels(self, pictures: NDArray[np.uint8]) -> Tensor:
        """Return pictures as float32 [B, H, W, C], still 0 to 255: a gradient may reach them."""
        return torch.from_numpy(pictures).to(self.device, torch.float32)

    def outputs(self, pixels: Tensor) -> Tensor:
        """Return the outputs before the activation, [B, outputs]."""
        outputs: Tensor = self.network(pixels)
        return outputs

    def probabilities(self, outputs: Tensor) -> NDArray[np.float32]:
        """Return what is answered where these are the outputs, [B, outputs]: calibrated, as all that is measured."""
        answers = self.network.calibration(self.network.activation(outputs.detach()))
        probabilities: NDArray[np.float32] = answers.float().cpu().numpy()
        return probabilities

    def batches(self, num_samples: int) -> Iterator[slice]:
        """Yield which samples make up each batch."""
        return (slice(start, start + self.batch_size) for start in range(0, num_samples, self.batch_size))

    def affordable(self, most: int, *, passes: int, budget: float, least: int) -> int:
        """Return of how many samples so many passes through the network fit into so many operations."""
        return min(most, max(least, int(budget // (passes * self.operations))))
