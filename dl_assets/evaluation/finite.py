"""Refuses answers that are no numbers, with which every metric would be none either."""

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dl_assets.errors import DataError


def require_finite(answers: NDArray[np.floating[Any]], ids: pl.Series) -> None:
    """Raise DataError that names a sample where one of its answers [N, outputs] is NaN or infinite."""
    is_broken = ~np.isfinite(answers).all(axis=1)
    if is_broken.any():
        raise DataError(
            f"the model's answers to {is_broken.sum():,} of {len(ids):,} samples are no finite numbers, such as to "
            f"{ids[int(is_broken.argmax())]}. Train again with a lower train.learning_rate, with "
            "`train: {clip_gradients: 1}` or with `train: {precision: 32}`."
        )
