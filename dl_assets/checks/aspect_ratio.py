"""Pictures that are so long that a square shows little of them."""

from typing import Annotated

import polars as pl
from pydantic import Field

from dl_assets import registry


@registry.check(default="flag")
def aspect_ratio(
    samples: pl.DataFrame, *, max_aspect_ratio: Annotated[float, Field(ge=1, description="longer / shorter side")] = 5.0
) -> pl.DataFrame:
    """Return id and detail of the pictures whose longer side is above `max_aspect_ratio` times the shorter one.

    The longest of 61,291 photos (cats_dogs, bccd_voc, facemask_coco, cifar10) has 2.6, a panorama of a camera 3 or so.
    """
    ratio = pl.max_horizontal("width", "height") / pl.min_horizontal("width", "height")
    found = samples.with_columns(ratio=ratio).filter(pl.col("ratio") > max_aspect_ratio)
    detail = "{} x {} px, ratio {} (max_aspect_ratio is {})"
    return found.select(
        "id", detail=pl.format(detail, "width", "height", pl.col("ratio").round_sig_figs(3), pl.lit(max_aspect_ratio))
    )
