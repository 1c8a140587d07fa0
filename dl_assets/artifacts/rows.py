"""Rows of tables in few Parquet files: text in `raw/`, values in `clean/`, where row i belongs to array i of the shard."""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path

import polars as pl

from dl_assets.artifacts.raw import RawRows
from dl_assets.artifacts.tables import write_parquet
from dl_assets.errors import ArtifactError

COLUMNS = "columns.json"  # in clean/: which columns the stored arrays have, the words of the categories, and the schema
SHARD_ROWS = 100_000
_BETWEEN, _MISSING = "\x1f", "\x00"  # cells, and in the place of one: no text has them


def store_rows(rows: Iterable[RawRows], out: Path, shard_rows: int = SHARD_ROWS) -> pl.DataFrame:
    """Write the cells; return what was found of each row, with its content, shard, offset there, and size.

    Where rows are added behind others, the shards that were full stay as they are.
    """
    found: list[pl.DataFrame] = []
    for shard, (known, cells) in enumerate(_in_shards(rows, shard_rows)):
        write_parquet(rows_path(out, shard), cells)
        content = pl.Series(fingerprints(pl.concat([known.select(_key="key"), cells], how="horizontal")), dtype=pl.String)
        size = cells.select(pl.sum_horizontal(pl.all().str.len_bytes().fill_null(0)).cast(pl.Int64)).to_series()
        is_lost = known["problem"].is_not_null()
        place = pl.DataFrame({"content": content.zip_with(~is_lost, pl.Series([""])), "size_bytes": size})
        offsets = pl.int_range(len(known), dtype=pl.Int64, eager=True)
        found.append(known.hstack(place).with_columns(shard=pl.lit(shard, pl.Int64), offset=offsets))
    return pl.concat(found) if found else pl.DataFrame()


def _in_shards(rows: Iterable[RawRows], shard_rows: int) -> Iterator[RawRows]:
    """Put frames together and cut them, so that every shard but the last has as many rows."""
    waiting: list[RawRows] = []
    count = 0
    for frames in rows:
        waiting.append(frames)
        count += len(frames.found)
        while count >= shard_rows:
            joined = _joined(waiting)
            yield RawRows(*(frame.head(shard_rows) for frame in joined))
            waiting = [RawRows(*(frame.slice(shard_rows) for frame in joined))]
            count -= shard_rows
    if count:
        yield _joined(waiting)


def _joined(frames: list[RawRows]) -> RawRows:
    return RawRows(pl.concat([one.found for one in frames]), pl.concat([one.cells for one in frames]))


def fingerprints(cells: pl.DataFrame) -> list[str]:
    """Name every row of text by what it holds, [N]: a missing cell is not an empty one."""
    whole = cells.select(pl.concat_str(pl.all().fill_null(_MISSING), separator=_BETWEEN)).to_series()
    return [blake2b(text.encode(), digest_size=16).hexdigest() for text in whole]


def rows_path(folder: Path, shard: int) -> Path:
    return folder / f"rows-{shard:05d}.parquet"


def read_rows(folder: Path, shard: int) -> pl.DataFrame:
    """Read one shard. Raises ArtifactError where it is missing or broken."""
    path = rows_path(folder, shard)
    try:
        return pl.read_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise ArtifactError(f"{path} cannot be read ({error}). Run the stage that writes it again.") from error


def read_values(folder: Path, samples: pl.DataFrame) -> pl.DataFrame:
    """Return the id and the values of these samples (columns id, shard, row), in their order."""
    places = samples.select("id", "shard", "row").with_row_index("_place")
    by_shard = places.partition_by("shard", as_dict=True) or {(0,): places}  # where no row is left, the columns still are
    portions = [
        read_rows(folder, shard)[wanted["row"]].with_columns(wanted["_place"], wanted["id"])
        for (shard,), wanted in by_shard.items()
    ]
    joined = pl.concat(portions).sort("_place")
    return joined.select("id", pl.all().exclude("id", "_place"))
