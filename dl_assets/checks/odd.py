"""Samples that are like no other in texture, brightness and contrast: noise, blanks, screenshots among photos."""

from typing import Annotated

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import Field

from dl_assets import registry
from dl_assets.artifacts.shards import Arrays
from dl_assets.checks._cleanlab import require_cleanlab
from dl_assets.checks._features import in_batches

_NEIGHBOURS = 10
_LEAST_DEVIATION = 1e-3  # a column that is the same for all must not be divided by nothing


@registry.check(default="off")
def odd(
    samples: pl.DataFrame,
    arrays: Arrays,
    *,
    max_oddness: Annotated[
        float, Field(gt=1, description="how many times as far from its neighbours as usual a picture may be")
    ] = 4.0,
) -> pl.DataFrame:
    """Find the odd ones out by their mean distance to the 10 nearest, in units of the median of all (cleanlab's score).

    A row of the result is id and detail, oddest first. Measured with 5 pictures of noise, 2 of stripes and a blank put
    among scikit-learn's digits, cats_dogs, bccd_voc and 6,000 of cifar10: all found, and of the others 1 in 1,000.
    It says nothing of what is in a picture: a lorry among cats is not odd to it.
    """
    require_cleanlab("odd")
    from cleanlab.outlier import OutOfDistribution
    from sklearn.neighbors import NearestNeighbors

    if len(samples) <= 2 * _NEIGHBOURS:
        return pl.DataFrame(schema={"id": pl.String, "detail": pl.String})
    measured = _standardised(in_batches(texture, arrays, np.arange(len(samples))))
    # One more, because everyone is its own nearest; it scales all distances alike.
    nearest = NearestNeighbors(n_neighbors=_NEIGHBOURS + 1).fit(measured)
    scores = OutOfDistribution({"knn": nearest}).score(features=measured)  # exp(-distance / median distance)
    oddness = -np.log(np.maximum(scores, np.finfo(np.float64).tiny))
    places = np.flatnonzero(oddness > max_oddness)
    places = places[np.argsort(-oddness[places], kind="stable")]
    return pl.DataFrame(
        {
            "id": samples["id"].gather(places),
            "detail": [
                f"{oddness[place]:.1f} times as far from others as usual (max_oddness is {max_oddness:g})" for place in places
            ],
        },
        schema={"id": pl.String, "detail": pl.String},
    )


def texture(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """[B, H, W, C] -> [B, 6]: how strong vertical and horizontal changes and curves are, how fine, brightness, contrast."""
    grey = pictures.astype(np.float32).mean(axis=-1)  # [B, H, W]
    down, right = (np.abs(np.diff(grey, axis=axis)).mean(axis=(1, 2)) for axis in (1, 2))
    middle = 4 * grey[:, 1:-1, 1:-1]
    curved = np.abs(middle - grey[:, :-2, 1:-1] - grey[:, 2:, 1:-1] - grey[:, 1:-1, :-2] - grey[:, 1:-1, 2:]).mean(axis=(1, 2))
    fine = np.log1p(curved) - np.log1p(down + right)
    brightness, contrast = grey.mean(axis=(1, 2)), grey.std(axis=(1, 2))
    return np.stack([np.log1p(down), np.log1p(right), np.log1p(curved), fine, brightness, contrast], axis=1)


def _standardised(measured: NDArray[np.float32]) -> NDArray[np.float32]:
    """Centre by the median and scale by the median deviation, which odd ones cannot move."""
    centred = measured - np.median(measured, axis=0)
    deviation = np.median(np.abs(centred), axis=0)
    deviation = np.where(deviation > _LEAST_DEVIATION, deviation, np.maximum(measured.std(axis=0), _LEAST_DEVIATION))
    standardised: NDArray[np.float32] = (centred / deviation).astype(np.float32)
    return standardised
