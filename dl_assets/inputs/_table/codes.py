"""Words as numbers that mean the same in every table, on every machine and in the ONNX graph."""

from hashlib import blake2b

import numpy as np
import polars as pl
from numpy.typing import NDArray


def code_of(word: str) -> float:
    """Return a whole number below 2 ** 52, which float64 holds exactly; two of 100,000 words collide once in a million tables.

    >>> code_of("female")
    96359845856572.0
    """
    return float(int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "big") >> 12)


def codes_of(words: pl.Series) -> NDArray[np.float64]:
    """Return the code of every word, [N]; of one that is missing NaN."""
    different = words.drop_nulls().unique()
    codes = pl.Series([code_of(word) for word in different], dtype=pl.Float64)
    return words.replace_strict(different, codes, default=None, return_dtype=pl.Float64).to_numpy().astype(np.float64)
