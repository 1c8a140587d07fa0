"""Hidden layers over the features of a row, and embeddings of its categories of many words."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

Span = tuple[str, str, int, int]  # number or category, the column's name, its first feature and the one behind its last


class Embeddings(nn.Module):
    """Give each category of `embed_from` features or more fewer numbers of its own, learnt; all other features stay.

    A one-hot category times a matrix is the row of its word: what others call a lookup.
    """

    _narrow: Tensor  # places of the features that stay

    def __init__(self, features: int, spans: Sequence[Span], embed_from: int) -> None:
        super().__init__()
        self._wide = [(start, stop) for kind, _, start, stop in spans if kind == "category" and stop - start >= embed_from]
        narrow = sorted(set(range(features)).difference(*(range(*bounds) for bounds in self._wide)))
        widths = [(stop - start, embedding_width(stop - start)) for start, stop in self._wide]
        self.tables = nn.ModuleList(nn.Linear(before, after, bias=False) for before, after in widths)
        self.register_buffer("_narrow", torch.tensor(narrow, dtype=torch.int64), persistent=False)
        self.out_features = len(narrow) + sum(after for _, after in widths)

    def forward(self, features: Tensor) -> Tensor:
        if not self._wide:
            return features
        embedded = [table(features[:, slice(*bounds)]) for table, bounds in zip(self.tables, self._wide, strict=True)]
        return torch.cat([features[:, self._narrow], *embedded], dim=1)  # [B, F] -> [B, out_features]


def embedding_width(num_features: int) -> int:
    """Return how many numbers stand for a category of so many features: the rule of fastai, up to 64.

    >>> [embedding_width(count) for count in (8, 20, 100, 10_000)]
    [5, 9, 21, 64]
    """
    width: float = 1.6 * num_features**0.56
    return min(64, round(width))


class Hidden(nn.Sequential):
    """Fully connected layers of these widths, the first of which is that of what comes in."""

    def __init__(self, widths: Sequence[int], activation: type[nn.Module], *, batch_norm: bool, dropout: float) -> None:
        super().__init__(
            *(
                nn.Sequential(
                    nn.Linear(before, after, bias=not batch_norm),  # [B, before] -> [B, after]
                    *([nn.BatchNorm1d(after)] if batch_norm else []),
                    activation(),
                    nn.Dropout(dropout),
                )
                for before, after in pairwise(widths)
            )
        )
