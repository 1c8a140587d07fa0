"""Slices of pictures: by where they come from, how large they were, and how they look."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from dl_assets.artifacts.shards import open_arrays
from dl_assets.explanations._slices.groups import Groups, quarters
from dl_assets.explanations._slices.metadata import by_column
from dl_assets.explanations._slices.slice import Slice, slices_of

CUT = (
    "the class, what the source says of a sample, its folder, the size of the file's picture, how it looks "
    "(the commonest words, quarters of the numbers)"
)
SIZE, FOLDER = "size in px", "folder"
_LOOKS = ("brightness", "contrast", "sharpness")
_BATCH = 256


def slices(samples: pl.DataFrame, clean: Path) -> Iterator[Slice]:
    """Yield the slices of these samples of clean, of which there is at least one."""
    yield from by_column(samples["origin"].str.extract(r"^(.*)/", 1).fill_null("").alias(FOLDER))
    if {"width", "height"} <= set(samples.columns):
        yield from slices_of(SIZE, _sizes(samples["width"], samples["height"]))
    measured = samples if "brightness" in samples.columns else samples.with_columns(_brightness(samples, clean))
    for name in _LOOKS:
        if name in measured.columns:
            yield from by_column(measured[name])


def _sizes(width: pl.Series, height: pl.Series) -> Groups:
    """Group pictures by the quarters of their area; each is told by its smallest and its largest picture."""
    area = (width * height).to_numpy().astype(np.float64)
    groups = quarters(area)
    names = (width.cast(pl.String) + " x " + height.cast(pl.String)).to_list()
    labels = []
    for group in range(groups.max() + 1):
        inside = np.flatnonzero(groups == group)
        low, high = (names[inside[place(area[inside])]] for place in (np.argmin, np.argmax))
        labels.append(low if low == high else f"{low} to {high}")
    return groups, labels


def _brightness(samples: pl.DataFrame, clean: Path) -> pl.Series:
    """Measure the stored pictures, where clean measured none."""
    arrays = open_arrays(clean, samples)
    starts = range(0, len(samples), _BATCH)
    batches = (arrays.batch(np.arange(start, min(start + _BATCH, len(samples)))) for start in starts)
    means = [batch.reshape(len(batch), -1).mean(axis=1) / 255 for batch in batches]
    return pl.Series("brightness", np.concatenate(means))
