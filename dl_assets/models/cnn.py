"""A small convolutional network for pictures from 8 x 8 up to about 128 x 128 pixels."""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor, nn

from dl_assets import registry
from dl_assets.errors import ConfigError
from dl_assets.models._parts.activations import ACTIVATIONS, Activation
from dl_assets.models._parts.heads import Head, MeanOverMap

POOLINGS = {"max": nn.MaxPool2d, "average": nn.AvgPool2d}


@registry.model(maps="image->vector")
def cnn(
    channels: int,
    outputs: int,
    size: tuple[int, int] | None = None,  # every model is told the height and width in px; this one takes any
    *,
    width: Annotated[int, Field(ge=4, le=256, description="channels of the first stage; each stage doubles them")] = 32,
    depth: Annotated[int, Field(ge=1, le=5, description="stages, between which the map is halved")] = 2,
    stem: Annotated[
        Literal[1, 2, 4],
        Field(description="factor by which a convolution before the stages shrinks the picture; 1: there is none"),
    ] = 1,
    max_width: Annotated[int, Field(ge=4, le=1024, description="channels that no stage exceeds")] = 256,
    convolutions: Annotated[int, Field(ge=1, le=4, description="of a stage; each after the first adds to what is there")] = 2,
    kernel: Annotated[Literal[1, 3, 5, 7, 9, 11], Field(description="side of the convolutions in px")] = 3,
    stride: Annotated[int, Field(ge=1, le=4, description="of the first convolution of each stage")] = 1,
    padding: Annotated[
        Literal["same"] | Annotated[int, Field(ge=0, le=11)],
        Field(description="px around the map at the first convolution of each stage; `same` keeps the size of the map"),
    ] = "same",
    activation: Annotated[Activation, Field(description="after every convolution and hidden layer")] = "relu",
    batch_norm: Annotated[bool, Field(description="after every convolution")] = True,
    pooling: Annotated[
        Literal["max", "average", "none"], Field(description="how the map is halved between stages; none: it is not")
    ] = "max",
    hidden: Annotated[
        tuple[Annotated[int, Field(ge=1, le=8192)], ...], Field(max_length=4, description="widths of the head's hidden layers")
    ] = (),
    dropout: Annotated[
        float, Field(ge=0, lt=1, description="share of features hidden from each layer of the head in training")
    ] = 0.1,
) -> nn.Module:
    """Stages of convolutions, then the mean over the map, then a head of fully connected layers.

    Take one stage for every halving from the picture's side, divided by `stem`, down to about 4: 2 for 8 pixels, 4 for
    32. A stem of 2 takes about a third of the time and suits photos of 64 pixels and more.
    """
    widths = [min(width * 2**stage, max_width) for stage in range(depth)]

    def convolution(before: int, after: int, kernel: int, stride: int, padding: int) -> nn.Module:
        layer = nn.Conv2d(before, after, kernel, stride, padding, bias=not batch_norm)
        return nn.Sequential(layer, nn.BatchNorm2d(after)) if batch_norm else layer

    def stage(before: int, after: int, *, is_last: bool) -> nn.Module:
        widen = convolution(before, after, kernel, stride, kernel // 2 if padding == "same" else padding)
        refine = [convolution(after, after, kernel, 1, kernel // 2) for _ in range(convolutions - 1)]
        activations = [ACTIVATIONS[activation]() for _ in range(convolutions)]
        return Stage(widen, refine, activations, None if is_last or pooling == "none" else POOLINGS[pooling](2))

    first = [convolution(channels, width, 2 * stem - 1, stem, stem - 1), ACTIVATIONS[activation]()] if stem > 1 else []
    steps = pairwise([width if first else channels, *widths])
    stages = [stage(before, after, is_last=number == depth) for number, (before, after) in enumerate(steps, 1)]
    head = Head([widths[-1], *hidden, outputs], ACTIVATIONS[activation], dropout)
    parts = OrderedDict(stages=nn.Sequential(*stages), mean=MeanOverMap(), head=head)
    return nn.Sequential(OrderedDict(stem=nn.Sequential(*first), **parts) if first else parts)


class Stage(nn.Module):
    """A convolution to more channels, others that add to what is there, and, before another stage, a halving of the map."""

    def __init__(
        self, widen: nn.Module, refine: Sequence[nn.Module], activations: Sequence[nn.Module], pool: nn.Module | None
    ) -> None:
        super().__init__()
        self.widen, self.refine = widen, nn.ModuleList(refine)
        self.activations, self.pool = nn.ModuleList(activations), pool
        layer = next(module for module in widen.modules() if isinstance(module, nn.Conv2d))
        self._kernel, self._padding = layer.kernel_size[0], int(layer.padding[0])

    def forward(self, features: Tensor) -> Tensor:
        self._require_room(*features.shape[2:])
        first, *others = self.activations
        features = first(self.widen(features))  # [B, C, H, W] -> [B, D, H/stride, W/stride]
        for convolution, activation in zip(self.refine, others, strict=True):
            features = activation(features + convolution(features))
        # A smaller map would have nothing left to summarise.
        if self.pool is None or min(features.shape[2:]) <= 2:
            return features
        pooled: Tensor = self.pool(features)  # [B, D, H, W] -> [B, D, H/2, W/2]
        return pooled

    def _require_room(self, height: int, width: int) -> None:
        if min(height, width) + 2 * self._padding < self._kernel:
            raise ConfigError(
                f"the map has shrunk to {height} x {width}, too small for a kernel of {self._kernel} with a padding of "
                f"{self._padding}. Take `padding: same`, a smaller kernel, stride or depth, or larger pictures."
            )
