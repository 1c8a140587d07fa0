"""What a network is shown of a row: fitted on the train part, computed inside the network and inside its ONNX file."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dl_assets.inputs._table.codes import code_of
from dl_assets.inputs._table.dates import PARTS, parts_of

if TYPE_CHECKING:
    from torch import nn

Floats = NDArray[np.float64]
Fitted = dict[str, Any]  # of one column
Span = tuple[str, str, int, int]  # number or category, the column's name, its first feature and the one behind its last

_LAST = 1_000_000  # rank of the feature that says whether a column is missing: behind all others
_FAR = 10.0  # standard deviations at which a scaled number is cut off: what is further away says no more


def fit_number(name: str, values: Floats, *, numbers: str, bins: int) -> Fitted:
    """Describe a column of numbers [N], NaN where it is missing: by its mean and deviation, or by the edges of its bins."""
    known = values[~np.isnan(values)]
    known = known if len(known) else np.zeros(1)
    found = {"name": name, "kind": "number", "has_missing": len(known) < len(values), "fill": float(np.median(known))}
    if numbers == "standard":
        return {**found, "scale": numbers, "mean": float(known.mean()), "std": float(known.std()) or 1.0}
    edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)))
    if len(edges) == 1:  # always the same: all that is left to tell is whether it is more or less
        edges = edges[0] + np.array([-1.0, 1.0]) * max(1.0, abs(edges[0]))
    return {**found, "scale": numbers, "edges": edges.tolist()}


def fit_category(name: str, codes: Floats, words: Sequence[str], *, rare: int) -> Fitted:
    """Describe a column of the codes [N] of these words: which have a feature of their own, the commonest first.

    Words of fewer than `rare` samples share one feature with those that are never seen.
    """
    word_of = {code_of(word): word for word in words}
    different, counts = np.unique(codes[~np.isnan(codes)], return_counts=True)
    order = np.argsort(-counts, kind="stable")
    kept = [word_of[code] for code, count in zip(different[order], counts[order], strict=True) if count >= rare]
    return {"name": name, "kind": "category", "has_missing": bool(np.isnan(codes).any()), "words": kept}


def spans_of(columns: Sequence[Fitted]) -> list[Span]:
    """Return which features stand for which column, in their order.

    >>> age = {"name": "age", "kind": "number", "scale": "piecewise", "edges": [0, 1, 2], "has_missing": True}
    >>> spans_of([age, {"name": "sex", "kind": "category", "words": ["f", "m"], "has_missing": False}])
    [('number', 'age', 0, 3), ('category', 'sex', 3, 6)]
    """
    spans: list[Span] = []
    for column in columns:
        start = spans[-1][-1] if spans else 0
        spans.append((column["kind"], column["name"], start, start + _num_own(column) + column["has_missing"]))
    return spans


def _num_own(column: Fitted) -> int:
    """How many features a column has beside the one that says whether it is missing."""
    if column["kind"] == "category":
        return len(column["words"]) + 1
    return len(column["edges"]) - 1 if column["scale"] == "piecewise" else 1


def encoder(columns: Sequence[Fitted], kinds: Sequence[str]) -> "nn.Module":
    """Return a module: raw float64 [B, n] -> features float32 [B, F], as `spans_of(columns)` has them.

    `kinds` are those of the n raw values: number, date (days since 1970) or category (a `code_of`); NaN is missing. A date
    stands for as many of the `columns`, all of them numbers, as `dates.PARTS` has.

    A piecewise linear number is 1 in its bins below it, 0 in those above it, and in its own says how far into it it is
    (Gorishniy, Rubachev and Babenko, On Embeddings for Numerical Features in Tabular Deep Learning, NeurIPS 2022, equation 1;
    unlike there, nothing goes beyond 0 and 1). A quantile is the mean over these bins: the share of samples below it.
    A category is one-hot, with a last feature for all that has none.
    """
    import torch
    from torch import Tensor, nn

    numbers = [(index, column) for index, column in enumerate(columns) if column["kind"] == "number"]
    categories = [(index, column) for index, column in enumerate(columns) if column["kind"] == "category"]
    dates = [place for place, kind in enumerate(kinds) if kind == "date"]
    places = _places(kinds, dates)

    class Encoder(nn.Module):
        """All columns at once: a loop over them would take many times as long."""

        number_place: Tensor  # [numbers], where they lie in the raw values and the parts of the dates behind these
        fill: Tensor  # [numbers]
        piece_of: Tensor  # [pieces], the number of each
        low: Tensor  # [pieces], as are width, least and most
        width: Tensor
        least: Tensor
        most: Tensor
        share: Tensor  # [pieces, numbers]
        number_flagged: Tensor  # those of the numbers that may be missing
        category_place: Tensor  # [categories]
        word_of: Tensor  # [words], the category of each
        word_code: Tensor  # [words]
        membership: Tensor  # [words, categories]
        category_flagged: Tensor
        tells_missing: Tensor  # [categories], 1 for those
        order: Tensor  # [F], from the features as they are computed to those of one column after another

        def __init__(self) -> None:
            super().__init__()
            labels: list[tuple[int, int]] = []  # of each feature as they are computed: its column, and its rank there

            def keep(name: str, values: Sequence[Any], dtype: torch.dtype = torch.float64) -> None:
                self.register_buffer(name, torch.tensor(values, dtype=dtype), persistent=False)  # they are in `columns`

            pieces = [(rank, *piece) for rank, (_, column) in enumerate(numbers) for piece in _pieces(column)]
            keep("number_place", [places[index] for index, _ in numbers], torch.int64)
            keep("fill", [column["fill"] for _, column in numbers])
            keep("piece_of", [piece[0] for piece in pieces], torch.int64)
            for place, name in enumerate(("low", "width", "least", "most"), 1):
                keep(name, [piece[place] for piece in pieces])
            self.is_mean = any(column["scale"] == "quantile" for _, column in numbers)
            if self.is_mean:
                share = [[float(piece[0] == rank) for rank in range(len(numbers))] for piece in pieces]
                keep("share", share, torch.float32)
                self.share /= self.share.sum(dim=0)
            labels += [(index, rank) for index, column in numbers for rank in range(_num_own(column))]

            flagged = [(rank, index) for rank, (index, column) in enumerate(numbers) if column["has_missing"]]
            keep("number_flagged", [rank for rank, _ in flagged], torch.int64)
            labels += [(index, _LAST) for _, index in flagged]

            words = [(rank, word) for rank, (_, column) in enumerate(categories) for word in column["words"]]
            keep("category_place", [places[index] for index, _ in categories], torch.int64)
            keep("word_of", [rank for rank, _ in words], torch.int64)
            keep("word_code", [code_of(word) for _, word in words])
            membership = [[float(rank == of) for rank in range(len(categories))] for of, _ in words]
            self.register_buffer("membership", torch.tensor(membership).reshape(len(words), len(categories)), persistent=False)
            labels += [(index, rank) for index, column in categories for rank in range(len(column["words"]))]
            labels += [(index, len(column["words"])) for index, column in categories]
            flagged = [(rank, index) for rank, (index, column) in enumerate(categories) if column["has_missing"]]
            keep("category_flagged", [rank for rank, _ in flagged], torch.int64)
            labels += [(index, _LAST) for _, index in flagged]
            keep("tells_missing", [float(column["has_missing"]) for _, column in categories], torch.float32)
            keep("order", sorted(range(len(labels)), key=lambda index: labels[index]), torch.int64)

        def forward(self, raw: Tensor) -> Tensor:
            wide = torch.cat([raw, *(parts_of(raw[:, place]) for place in dates)], dim=1)
            features = [*self._numbers(wide[:, self.number_place]), *self._categories(wide[:, self.category_place])]
            return torch.cat(features, dim=1)[:, self.order]

        def _numbers(self, values: Tensor) -> tuple[Tensor, Tensor]:
            is_missing = values.isnan()  # [B, numbers]
            filled = torch.where(is_missing, self.fill, values)[:, self.piece_of]  # [B, pieces]
            pieces = ((filled - self.low) / self.width).clamp(self.least, self.most).to(torch.float32)
            return pieces @ self.share if self.is_mean else pieces, is_missing[:, self.number_flagged].to(torch.float32)

        def _categories(self, codes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            is_missing = codes.isnan().to(torch.float32)  # [B, categories]
            one_hot = (codes[:, self.word_of] == self.word_code).to(torch.float32)  # [B, words]
            other = 1 - one_hot @ self.membership - is_missing * self.tells_missing
            return one_hot, other, is_missing[:, self.category_flagged]

    return Encoder()


def _pieces(column: Fitted) -> list[tuple[float, float, float, float]]:
    """Return for each piece of a number where it begins, how wide it is, and the least and the most that it can be."""
    if column["scale"] == "standard":
        return [(column["mean"], column["std"], -_FAR, _FAR)]
    return [(low, high - low, 0.0, 1.0) for low, high in pairwise(column["edges"])]


def _places(kinds: Sequence[str], dates: Sequence[int]) -> list[int]:
    """Return where each column lies in the raw values, behind which the parts of one date after another are put."""
    places: list[int] = []
    for place, kind in enumerate(kinds):
        begin = len(kinds) + len(PARTS) * dates.index(place) if kind == "date" else place
        places += range(begin, begin + (len(PARTS) if kind == "date" else 1))
    return places
