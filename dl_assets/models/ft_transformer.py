"""A transformer over the columns of a table: each is a token that looks at all others."""

from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from dl_assets import registry
from dl_assets.errors import ConfigError
from dl_assets.models._parts.dense import Span


@registry.model(maps="table->vector")
def ft_transformer(
    features: int,
    outputs: int,
    spans: Sequence[Span],
    *,
    width: Annotated[int, Field(ge=4, le=1024, description="numbers that stand for a column")] = 64,
    depth: Annotated[int, Field(ge=1, le=24, description="blocks, in each of which the columns look at each other")] = 2,
    heads: Annotated[
        int, Field(ge=1, le=64, description="ways of looking at each other in a block; they divide the width")
    ] = 8,
    expansion: Annotated[float, Field(gt=0, le=8, description="width of a block's hidden layer, in widths")] = 4 / 3,
    dropout: Annotated[
        float, Field(ge=0, lt=1, description="share of each block's hidden layer that is hidden in training")
    ] = 0.1,
    attention_dropout: Annotated[
        float, Field(ge=0, lt=1, description="share of what columns see of each other that is hidden in training")
    ] = 0.2,
    residual_dropout: Annotated[
        float, Field(ge=0, lt=1, description="share of what a block adds that is hidden in training")
    ] = 0.0,
) -> nn.Module:
    """FT-Transformer: Gorishniy, Rubachev, Khrulkov and Babenko, Revisiting Deep Learning Models for Tabular Data, 2021.

    It suits tables of some thousand samples and at most about 100 columns, as its time rises with the square of them; it
    takes several times as long as `fnn`. A column's token is a linear function of its features.
    """
    if width % heads:
        fitting = next(count for count in range(min(heads, width), 0, -1) if width % count == 0)
        raise ConfigError(
            f"model.heads is {heads}, which does not divide model.width, {width}. Write such as heads: {fitting}."
        )
    blocks = [
        Block(
            Attention(width, heads, attention_dropout),
            width,
            max(1, round(expansion * width)),
            is_first=number == 0,
            dropout=dropout,
            residual_dropout=residual_dropout,
        )
        for number in range(depth)
    ]
    return FTTransformer(Tokens(spans, width), blocks, nn.Linear(width, outputs))


class FTTransformer(nn.Module):
    """Tokens, blocks, and a head that sees the first token, which has looked at all columns."""

    def __init__(self, tokens: "Tokens", blocks: Sequence["Block"], head: nn.Linear) -> None:
        super().__init__()
        self.tokens, self.blocks = tokens, nn.ModuleList(blocks)
        self.norm, self.head = nn.LayerNorm(head.in_features), head

    def forward(self, features: Tensor) -> Tensor:
        tokens = self.tokens(features)  # [B, F] -> [B, 1 + columns, D]
        *others, last = self.blocks
        for block in others:
            tokens = block(tokens, tokens)
        answer = last(tokens[:, :1], tokens)[:, 0]  # of the last block's answers only this one is read
        outputs: Tensor = self.head(functional.relu(self.norm(answer)))  # [B, D] -> [B, outputs]
        return outputs


class Tokens(nn.Module):
    """A token for the answer, then one for each column; in which order does not matter to what follows."""

    def __init__(self, spans: Sequence[Span], width: int) -> None:
        super().__init__()
        alike: dict[int, list[Span]] = {}  # so that no column is padded to more than twice its features
        for span in spans:
            alike.setdefault((span[3] - span[2]).bit_length(), []).append(span)
        self.columns = nn.ModuleList(Columns(group, width) for group in alike.values())
        self.answer = nn.Parameter(torch.empty(width).uniform_(-(width**-0.5), width**-0.5))

    def forward(self, features: Tensor) -> Tensor:
        answer = self.answer.expand(features.shape[0], 1, -1)
        return torch.cat([answer, *(columns(features) for columns in self.columns)], dim=1)  # [B, F] -> [B, tokens, D]


class Columns(nn.Module):
    """The tokens of columns of similar length at once: each one's features times a matrix of its own, and a bias."""

    _places: Tensor  # [columns, longest], of the features of each column
    _is_own: Tensor  # [columns, longest, 1], 0 where a column has fewer

    def __init__(self, spans: Sequence[Span], width: int) -> None:
        super().__init__()
        longest = max(stop - start for _, _, start, stop in spans)
        starts, stops = torch.tensor([span[2:] for span in spans]).T[:, :, None]  # [columns, 1] each
        places = starts + torch.arange(longest)
        self.register_buffer("_places", places.minimum(stops - 1), persistent=False)
        self.register_buffer("_is_own", (places < stops).float()[:, :, None], persistent=False)
        bound = width**-0.5
        self.weight = nn.Parameter(torch.empty(len(spans), longest, width).uniform_(-bound, bound))
        # Flat, because what has one dimension is taken for a bias, which does not decay.
        self.bias = nn.Parameter(torch.empty(len(spans) * width).uniform_(-bound, bound))

    def forward(self, features: Tensor) -> Tensor:
        own = features.T[self._places] * self._is_own  # [B, F] -> [columns, longest, B]
        tokens = torch.einsum("clb,cld->bcd", own, self.weight)
        return tokens + self.bias.view(tokens.shape[1:])


class Block(nn.Module):
    """Attention, then a gated hidden layer; both are normed before and added after. The first norm has nothing to do."""

    def __init__(
        self, attention: "Attention", width: int, hidden: int, *, is_first: bool, dropout: float, residual_dropout: float
    ) -> None:
        super().__init__()
        self.attention_norm = nn.Identity() if is_first else nn.LayerNorm(width)
        self.attention, self.hidden_norm = attention, nn.LayerNorm(width)
        self.hidden, self.back = nn.Linear(width, 2 * hidden), nn.Linear(hidden, width)
        self.dropout, self.residual_dropout = nn.Dropout(dropout), nn.Dropout(residual_dropout)

    def forward(self, asking: Tensor, tokens: Tensor) -> Tensor:
        """Return what becomes of the tokens `asking` [B, A, D], which look at `tokens` [B, T, D]."""
        seen = self.attention(self.attention_norm(asking), self.attention_norm(tokens))
        asking = asking + self.residual_dropout(seen)
        value, gate = self.hidden(self.hidden_norm(asking)).chunk(2, dim=-1)  # [B, A, D] -> 2 of [B, A, hidden]
        added: Tensor = self.residual_dropout(self.back(self.dropout(value * functional.relu(gate))))
        return asking + added


class Attention(nn.Module):
    """Tokens take from others what they ask for, by several heads."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self._heads, self._dropout = heads, dropout
        self.query, self.key_value = nn.Linear(width, width), nn.Linear(width, 2 * width)
        self.attended = nn.Linear(width, width)

    def forward(self, asking: Tensor, tokens: Tensor) -> Tensor:
        keys, values = self.key_value(tokens).chunk(2, dim=-1)
        query, keys, values = (self._by_head(part) for part in (self.query(asking), keys, values))
        share = self._dropout if self.training else 0.0
        seen = functional.scaled_dot_product_attention(query, keys, values, dropout_p=share)
        attended: Tensor = self.attended(seen.transpose(1, 2).flatten(2))  # [B, heads, A, D / heads] -> [B, A, D]
        return attended

    def _by_head(self, tokens: Tensor) -> Tensor:
        return tokens.view(*tokens.shape[:2], self._heads, -1).transpose(1, 2)  # [B, T, D] -> [B, heads, T, D / heads]
