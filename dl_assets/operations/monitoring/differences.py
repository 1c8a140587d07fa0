"""All that is compared of two frames with the columns of the log: what was asked, and what was answered."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from dl_assets.operations.monitoring.difference import Difference
from dl_assets.operations.monitoring.two_samples import (
    Floats,
    compare_embeddings,
    compare_missing,
    compare_numbers,
    compare_words,
)

# Effects below these do not matter. A distance of 0.1 is a tenth of all samples elsewhere, or a shift by a quarter of a
# standard deviation; so much of the values missing, or no longer, is what a broken sensor or form does; a discrepancy of 0.1
# is a shift by 0.3 (of 2 components) to 0.7 (of 16) of a deviation along one of them (measured on normal samples).
MAX_DISTANCE, MAX_MISSING, MAX_DISCREPANCY = 0.1, 0.05, 0.1
_LEAST = 20  # values of a column in both, of which anything is said
EMBEDDING, PREDICTION, CONFIDENCE = "embedding", "prediction", "confidence"


def compare(reference: pl.DataFrame, window: pl.DataFrame, *, psi: float, with_chance: bool = True) -> list[Difference]:
    """Return how far the window is from the reference in each column of both that can be compared.

    Without chance the embeddings have no p-value, whose permutations take seconds.
    """
    return [
        found
        for name in reference.columns
        if name in window.columns
        for found in _compare(name, reference[name], window[name], psi, with_chance=with_chance)
    ]


def _compare(name: str, reference: pl.Series, window: pl.Series, psi: float, *, with_chance: bool) -> Iterator[Difference]:
    about = "predictions" if name in (PREDICTION, CONFIDENCE) else "inputs"
    if about == "inputs" and (reference.null_count() or window.null_count()) and name != EMBEDDING:
        counts, lengths = (reference.null_count(), window.null_count()), (len(reference), len(window))
        share, p = compare_missing(counts, lengths)
        yield Difference(f"{name}, missing", about, "fisher", share, MAX_MISSING, p)
    ours, theirs = reference.drop_nulls(), window.drop_nulls()
    if min(len(ours), len(theirs)) < _LEAST:
        return
    if name == EMBEDDING:
        distance, p = compare_embeddings(_matrix(ours), _matrix(theirs), *([] if with_chance else [0]))
        yield Difference(name, about, "mmd", distance, MAX_DISCREPANCY, p)
    elif ours.dtype == pl.String:
        index, p = compare_words(ours, theirs)
        yield Difference(name, about, "psi, chi2", index, psi, p)
    else:
        distance, p = compare_numbers(ours.to_numpy(), theirs.to_numpy())
        yield Difference(name, about, "ks", distance, MAX_DISTANCE, p)


def _matrix(embeddings: pl.Series) -> Floats:
    return np.array(embeddings.to_list(), dtype=np.float64)
