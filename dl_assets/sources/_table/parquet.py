"""Parquet: its columns are typed already; their values become the text that a CSV of them would hold."""

from collections.abc import Iterator

import polars as pl

from dl_assets.errors import DataError
from dl_assets.sources._table.local import Local
from dl_assets.sources._table.names import column_names
from dl_assets.sources._table.reading import MAX_ROWS, Portion, Reading, portions_of


def read_parquet(local: Local, place: str, name: str) -> Reading:
    """Read a file. Columns of lists, of structures or of bytes are no values of a table: they are left out, and told of."""
    try:
        schema = pl.read_parquet_schema(local.path)
        num_rows = int(pl.scan_parquet(local.path).select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _broken(place, error) from error
    left_out = {column: str(dtype) for column, dtype in schema.items() if dtype.is_nested() or dtype in (pl.Binary, pl.Object)}
    used = [column for column in schema if column not in left_out]
    columns, made_up = column_names(used, place)

    def portions() -> Iterator[Portion]:
        scan = pl.scan_parquet(local.path).select(as_text(column, schema[column]) for column in used)
        try:
            for cells in scan.collect_batches(chunk_size=MAX_ROWS, maintain_order=True):
                yield from portions_of(cells.rename(dict(zip(used, columns, strict=True))))
        except (pl.exceptions.PolarsError, OSError) as error:
            raise _broken(place, error) from error

    found = {"columns_left_out": left_out} if left_out else {}
    return Reading(name, columns, num_rows, found | ({"columns_without_name": made_up} if made_up else {}), portions)


def as_text(column: str, dtype: pl.DataType) -> pl.Expr:
    """Return the values as text: times in UTC, durations in seconds."""
    values = pl.col(column)
    if isinstance(dtype, pl.Datetime) and dtype.time_zone:
        values = values.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    if isinstance(dtype, pl.Duration):
        values = values.dt.total_microseconds() / 1_000_000
    return values.cast(pl.String)


def _broken(place: str, error: Exception) -> DataError:
    said = " ".join(str(error).split())[:300]
    return DataError(f"source.path: {place} cannot be read as Parquet ({said}). Write or fetch it again.")
