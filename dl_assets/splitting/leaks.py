"""Samples of different parts that should not be: whoever made the parts, nothing of test may be known from train."""

import polars as pl

from dl_assets.artifacts.report import Check
from dl_assets.splitting.units import TOGETHER

NAME = "leaked_duplicates"
_SHOWN, _SHOWN_OF_EACH = 3, 4


def find_leaks(samples: pl.DataFrame) -> Check:
    """Count the samples [origin, part and what stays together] that share something with a sample of another part."""
    leaks = pl.any_horizontal(
        *((pl.col(column).is_not_null() & (pl.col("part").n_unique().over(column) > 1)) for column in TOGETHER)
    )
    leaked = samples.filter(leaks)
    if leaked.is_empty():
        return Check(NAME, passed=True, value=0, threshold=0)
    detail = (
        f"Samples of different parts are the same or belong together: {'; '.join(_told(leaked)[:_SHOWN])}. "
        "Give them the same part in the source, or take all but one of them out."
    )
    return Check(NAME, passed=False, value=len(leaked), threshold=0, detail=detail)


def _told(leaked: pl.DataFrame) -> list[str]:
    """Name the samples of each leak; what shares a digest also shares a cluster, and is told once."""
    told: list[str] = []
    seen: set[str] = set()
    for column, why in zip(TOGETHER, ("same pixels", "near duplicates", "same group"), strict=True):
        for (value,), rows in leaked.drop_nulls(column).sort("origin").group_by(column, maintain_order=True):
            if rows["part"].n_unique() == 1 or seen.issuperset(rows["origin"]):
                continue
            seen |= set(rows["origin"])
            first_of_each = pl.concat([rows.unique("part", keep="first", maintain_order=True), rows]).unique(
                "origin", keep="first", maintain_order=True
            )
            named = [
                f"{origin} ({part})" for origin, part in first_of_each.head(_SHOWN_OF_EACH).select("origin", "part").rows()
            ]
            told.append(f"{', '.join(named)} ({why}{f' {value}' if column == 'group' else ''})")
    return told
