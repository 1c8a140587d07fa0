"""Slices by what is known of samples beside their content: their target, and what the source or clean says of them."""

from collections.abc import Iterator

import numpy as np
import polars as pl

from dl_assets.explanations._slices.groups import Groups, by_quarters, by_words, day, number, with_missing
from dl_assets.explanations._slices.slice import Slice, slices_of

TARGET, NO_LABEL = "target", "no label"
_SECONDS_A_DAY = 86_400


def by_strata(strata: pl.Series) -> Iterator[Slice]:
    """Yield a slice for each class, or each label, of these lists of names, in the order of the alphabet."""
    held = pl.DataFrame({"row": np.arange(len(strata)), "name": strata}).explode("name", empty_as_null=True)
    found = held.with_columns(pl.col("name").fill_null(NO_LABEL)).partition_by("name", as_dict=True, maintain_order=True)
    if len(found) > 1:
        yield from (Slice(TARGET, str(name), found[name,]["row"].to_numpy()) for (name,) in sorted(found))


def by_column(column: pl.Series) -> Iterator[Slice]:
    """Yield the slices of a column of a table of samples; none where it names every sample anew."""
    known = column.drop_nulls()
    if not _is_number(column) and known.n_unique() == len(column):
        return
    yield from slices_of(column.name, with_missing(column.is_not_null().to_numpy(), _groups(known)))


def _groups(known: pl.Series) -> Groups:
    if known.dtype.is_temporal():
        return by_quarters(known.dt.epoch("s").to_numpy() / _SECONDS_A_DAY, day)
    if known.dtype.is_numeric():
        return by_quarters(known.cast(pl.Float64).to_numpy(), number)
    return by_words(known.cast(pl.String).to_numpy().astype(str))


def _is_number(column: pl.Series) -> bool:
    return column.dtype.is_numeric() or column.dtype.is_temporal()
