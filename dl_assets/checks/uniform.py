"""Pictures of one colour: covered lenses, blank pages, placeholders."""

from typing import Annotated

import polars as pl
from pydantic import Field

from dl_assets import registry


@registry.check(default="reject")
def uniform(
    samples: pl.DataFrame,
    *,
    min_contrast: Annotated[float, Field(ge=0, le=1, description="standard deviation of grey, where 1 is white")] = 0.01,
) -> pl.DataFrame:
    """Return id and detail of the pictures whose contrast is below `min_contrast`; 0.01 is 2.5 grey levels of 255.

    The least of 61,291 photos has 0.016 (cifar10), of cats_dogs 0.060. Grain of 6 levels on one colour has 0.006.
    """
    found = samples.filter(pl.col("contrast") < min_contrast)
    return found.select(
        "id", detail=pl.format("contrast {} (min_contrast is {})", pl.col("contrast").round_sig_figs(3), pl.lit(min_contrast))
    )
