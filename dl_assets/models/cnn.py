"""A small convolutional network for pictures from 8 x 8 up to about 128 x 128 pixels."""

from typing import Annotated

from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from dl_assets import registry


@registry.model(maps="image->vector")
def cnn(
    channels: int,
    outputs: int,
    *,
    width: Annotated[int, Field(ge=4, le=256, description="channels of the first stage; each stage doubles them")] = 32,
    depth: Annotated[int, Field(ge=1, le=5, description="stages of two convolutions; each halves the map")] = 2,
    max_width: Annotated[int, Field(ge=4, le=1024, description="channels that no stage exceeds")] = 256,
    dropout: Annotated[float, Field(ge=0, lt=1, description="share of features hidden from the head in training")] = 0.1,
) -> nn.Module:
    """Stages of two convolutions, then the mean over the map, then one linear layer.

    Take one stage for every halving from the picture's side down to about 4: 2 for 8 pixels, 4 or 5
    for 64 to 128, where a width of 16 takes about a third of the time of 32.
    """
    widths = [min(width * 2**stage, max_width) for stage in range(depth)]
    stages = [Stage(before, after) for before, after in zip([channels, *widths], widths, strict=False)]
    return nn.Sequential(*stages, MeanOverMap(), nn.Dropout(dropout), nn.Linear(widths[-1], outputs))


class Stage(nn.Module):
    """A convolution to `width` channels, one that adds to what is there, and a halving of the map."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.widen, self.refine = _convolution(channels, width), _convolution(width, width)

    def forward(self, features: Tensor) -> Tensor:
        features = functional.relu(self.widen(features))  # [B, C, H, W] -> [B, D, H, W]
        features = functional.relu(features + self.refine(features))
        if min(features.shape[2:]) <= 2:  # a smaller map would have nothing left to summarise
            return features
        return functional.max_pool2d(features, 2)  # [B, D, H, W] -> [B, D, H/2, W/2]


class MeanOverMap(nn.Module):
    """Mean of each channel. Unlike adaptive pooling its gradient is deterministic on a GPU."""

    def forward(self, features: Tensor) -> Tensor:
        return features.mean(dim=(2, 3))  # [B, D, H, W] -> [B, D]


def _convolution(channels: int, width: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(channels, width, kernel_size=3, padding=1, bias=False), nn.BatchNorm2d(width))
