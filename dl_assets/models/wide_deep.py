"""A linear model with crossed features beside hidden layers: one remembers, the other generalises."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from dl_assets import registry
from dl_assets.errors import ConfigError
from dl_assets.models._parts.activations import ACTIVATIONS, Activation
from dl_assets.models._parts.dense import Embeddings, Hidden, Span
from dl_assets.registry import did_you_mean

Pair = tuple[Span, Span]


@registry.model(maps="table->vector")
def wide_deep(
    features: int,
    outputs: int,
    spans: Sequence[Span],
    *,
    crosses: Annotated[
        Literal["auto"] | tuple[tuple[str, str], ...],
        Field(
            description="pairs of columns of which every two features have a weight, such as [[city, month]]; auto: the first"
        ),
    ] = "auto",
    max_crossed: Annotated[
        int, Field(ge=0, le=1_000_000, description="crossed features that `auto` does not exceed; 0 crosses nothing")
    ] = 4096,
    hidden: Annotated[
        tuple[Annotated[int, Field(ge=1, le=8192)], ...],
        Field(min_length=1, max_length=8, description="widths of the hidden layers of the deep part"),
    ] = (256, 128),
    activation: Annotated[Activation, Field(description="after every hidden layer")] = "gelu",
    batch_norm: Annotated[bool, Field(description="before every activation")] = True,
    dropout: Annotated[float, Field(ge=0, lt=1, description="share of each hidden layer that is hidden in training")] = 0.2,
    embed_from: Annotated[
        int, Field(ge=2, description="a category of so many features or more is embedded: fewer numbers stand for its words")
    ] = 16,
) -> nn.Module:
    """Cheng et al., Wide & Deep Learning for Recommender Systems, 2016: both parts are added and learn together.

    It suits tables of many samples in which certain words occurring together decide, such as a customer's and an article's.
    `auto` crosses categories with each other first, then with numbers, then numbers, each time those of few features first.
    """
    pairs = list(_auto(spans, max_crossed)) if crosses == "auto" else [_named(spans, pair) for pair in crosses]
    embeddings = Embeddings(features, spans, embed_from)
    widths = [embeddings.out_features, *hidden]
    layers = Hidden(widths, ACTIVATIONS[activation], batch_norm=batch_norm, dropout=dropout)
    return WideDeep(embeddings, layers, Head(features, widths[-1], outputs, pairs))


class WideDeep(nn.Module):
    """Hidden layers, whose answer and that of a linear model are added in the head."""

    def __init__(self, embeddings: Embeddings, hidden: Hidden, head: "Head") -> None:
        super().__init__()
        self.embeddings, self.hidden, self.head = embeddings, hidden, head

    def forward(self, features: Tensor) -> Tensor:
        answer: Tensor = self.head(features, self.hidden(self.embeddings(features)))  # [B, F], [B, width] -> [B, outputs]
        return answer


class Head(nn.Module):
    """The sum of three linear models: of the features, of the products of features of crossed columns, of what is hidden."""

    _crossed: Tensor  # [2, crossed], places of the two features of each product

    def __init__(self, features: int, width: int, outputs: int, pairs: Sequence[Pair]) -> None:
        super().__init__()
        crossed = [both for one, other in pairs for both in product(range(*one[2:]), range(*other[2:]))]
        self.register_buffer("_crossed", torch.tensor(crossed, dtype=torch.int64).reshape(-1, 2).T, persistent=False)
        self.wide = nn.Linear(features, outputs, bias=False)
        self.crossed = nn.Linear(len(crossed), outputs, bias=False) if crossed else None
        self.deep = nn.Linear(width, outputs)
        for linear in (self.wide, self.crossed):  # what is never seen together then says nothing
            if linear is not None:
                nn.init.zeros_(linear.weight)

    def forward(self, features: Tensor, hidden: Tensor) -> Tensor:
        answer: Tensor = self.wide(features) + self.deep(hidden)
        if self.crossed is None:
            return answer
        by_feature = features.T  # rows are copied several times as fast as columns
        together = self.crossed.weight @ (by_feature[self._crossed[0]] * by_feature[self._crossed[1]])  # [outputs, B]
        return answer + together.T


def _auto(spans: Sequence[Span], most: int) -> Iterator[Pair]:
    """Yield pairs until another would have more than `most` crossed features in all."""
    num_crossed = 0
    for one, other in _candidates(spans):
        num_crossed += _width(one) * _width(other)
        if num_crossed > most:
            return
        yield one, other


def _candidates(spans: Sequence[Span]) -> Iterator[Pair]:
    """Yield all pairs: of categories, of both kinds, of numbers, and among each the narrow ones first."""
    narrow_first = sorted(spans, key=_width)
    categories = [span for span in narrow_first if span[0] == "category"]
    numbers = [span for span in narrow_first if span[0] == "number"]
    yield from _within(categories)
    yield from product(categories, numbers)
    yield from _within(numbers)


def _within(spans: Sequence[Span]) -> Iterator[Pair]:
    return ((one, other) for number, other in enumerate(spans) for one in spans[:number])


def _named(spans: Sequence[Span], names: tuple[str, str]) -> Pair:
    span_of = {span[1]: span for span in spans}
    for name in names:
        if name not in span_of:
            raise ConfigError(
                f"model.crosses names the column '{name}', which the model is not shown{did_you_mean(name, span_of) or '.'} "
                f"Choose of: {', '.join(list(span_of)[:20])}{', ...' if len(span_of) > 20 else '.'}"
            )
    return span_of[names[0]], span_of[names[1]]


def _width(span: Span) -> int:
    return span[3] - span[2]
