"""Pictures with too few pixels to show anything."""

from typing import Annotated

import polars as pl
from pydantic import Field

from dl_assets import registry


@registry.check(default="reject")
def too_small(
    samples: pl.DataFrame, *, min_side: Annotated[int, Field(ge=1, description="least shorter side of a picture, in px")] = 8
) -> pl.DataFrame:
    """Return id and detail of the pictures whose width or height is below `min_side`."""
    found = samples.filter(pl.min_horizontal("width", "height") < min_side)
    return found.select("id", detail=pl.format("{} x {} px (min_side is {})", "width", "height", pl.lit(min_side)))
