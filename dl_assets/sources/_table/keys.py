"""Holds a source to its promise that every row has a key of its own."""

import polars as pl

from dl_assets.errors import DataError


class Keys:
    """The keys of all rows so far; nothing is kept where the table has no column of keys (`column` is None)."""

    def __init__(self, column: str | None) -> None:
        self._column = column
        self._seen: list[pl.DataFrame] = []

    def add(self, found: pl.DataFrame) -> None:
        """Remember some rows. Raises DataError for one without a key; a row that is lost needs none."""
        if self._column is None:
            return
        rows = found.filter(pl.col("problem").is_null()).select("key", "origin")
        lacking = rows.filter(pl.col("key").is_null())
        if len(lacking):
            origins = ", ".join(lacking["origin"].head(2))
            raise DataError(
                f"source.id: the column '{self._column}' is empty in {origins}. Complete it, or leave source.id "
                "away: a row is then known by what is in it."
            )
        self._seen.append(rows)

    def require_unique(self) -> None:
        """Raise DataError where two rows have one key; it names both."""
        rows = pl.concat(self._seen) if self._seen else pl.DataFrame({"key": []}, schema={"key": pl.String})
        twice = rows.filter(pl.col("key").is_duplicated())
        if len(twice):
            key = twice["key"][0]
            first, second = twice.filter(pl.col("key") == key)["origin"].head(2)
            raise DataError(
                f"source.id: the key '{key}' (column '{self._column}') is that of {first} and of {second}; {len(twice):,} rows "
                "have no key of their own. Delete the copies, or name another column as source.id."
            )
