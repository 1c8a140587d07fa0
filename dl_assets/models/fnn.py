"""A feedforward network: fully connected layers, one behind the other."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field
from torch import nn

from dl_assets import registry
from dl_assets.models._parts.activations import ACTIVATIONS, Activation
from dl_assets.models._parts.dense import Embeddings, Hidden, Span


@registry.model(maps="table->vector")
def fnn(
    features: int,
    outputs: int,
    spans: Sequence[Span],
    *,
    hidden: Annotated[
        tuple[Annotated[int, Field(ge=1, le=8192)], ...],
        Field(min_length=1, max_length=8, description="widths of the hidden layers, from the input on"),
    ] = (256, 128),
    activation: Annotated[Activation, Field(description="after every hidden layer")] = "gelu",
    batch_norm: Annotated[bool, Field(description="before every activation")] = True,
    dropout: Annotated[float, Field(ge=0, lt=1, description="share of each hidden layer that is hidden in training")] = 0.2,
    input_dropout: Annotated[float, Field(ge=0, lt=1, description="share of the features that is hidden in training")] = 0.0,
    embed_from: Annotated[
        int, Field(ge=2, description="a category of so many features or more is embedded: fewer numbers stand for its words")
    ] = 16,
) -> nn.Module:
    """Hidden layers over all features of a row; what to begin with on most tables.

    On a few hundred rows take narrower layers and more dropout, or the network learns them by heart.
    """
    embeddings = Embeddings(features, spans, embed_from)
    widths = [embeddings.out_features, *hidden]
    layers = Hidden(widths, ACTIVATIONS[activation], batch_norm=batch_norm, dropout=dropout)
    head = nn.Linear(widths[-1], outputs)  # [B, width] -> [B, outputs]
    return nn.Sequential(OrderedDict(input_dropout=nn.Dropout(input_dropout), embeddings=embeddings, hidden=layers, head=head))
