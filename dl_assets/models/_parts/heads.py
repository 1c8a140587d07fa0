"""What turns a map of features into the outputs of a network."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn


class MeanOverMap(nn.Module):
    """Mean of each channel. Unlike adaptive pooling its gradient is deterministic on a GPU."""

    def forward(self, features: Tensor) -> Tensor:
        return features.mean(dim=(2, 3))  # [B, D, H, W] -> [B, D]


class Head(nn.Sequential):
    """Fully connected layers of these widths, an activation between them, dropout before each."""

    def __init__(self, widths: Sequence[int], activation: type[nn.Module], dropout: float) -> None:
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [activation()] if layers else []
            layers += [nn.Dropout(dropout), nn.Linear(before, after)]  # [B, before] -> [B, after]
        super().__init__(*layers)
