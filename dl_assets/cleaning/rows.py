"""From the cells of a table to stored arrays: typed by the schema, a shard at a time."""

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl

from dl_assets import progress, registry
from dl_assets.artifacts.rows import fingerprints, read_rows, rows_path
from dl_assets.artifacts.tables import write_parquet
from dl_assets.config import Clean
from dl_assets.errors import DataError

_DECODED = {"id": pl.String, "reason": pl.String, "detail": pl.String, "digest": pl.String, "shard": pl.Int64, "row": pl.Int64}


@dataclass(frozen=True)
class Typed:
    """The rows of a table: `found` has one a sample, id, reason and detail where it does not fit, else digest, shard and row.

    Equal digests mean equal cells, whatever spaces are around them; columns that no model uses, such as a number for each
    customer, count too. `schema` and `facts` are what the kind of input knows of the columns.
    """

    found: pl.DataFrame
    schema: Any
    facts: Any


def decode_rows(samples: pl.DataFrame, raw: Path, out: Path, kind: str, options: Clean) -> Typed:
    """Store the array of every row that fits the schema, and its values beside it."""
    inputs = registry.module("inputs", kind)
    usable = samples.filter(pl.col("problem").is_null())
    if not rows_path(raw, 0).is_file():
        raise DataError(f"{raw} holds files and no table, but the task needs one. Write `source: {{kind: table, ...}}`.")
    schema, facts = inputs.open_schema(raw, options)
    by_shard = usable.partition_by("shard", as_dict=True) or {(0,): usable}  # where no row can be read, the columns still can
    shards = progress.track(iter(by_shard.items()), len(by_shard))
    decoded = [_decode(shard, some, raw, out, inputs, schema, options) for (shard,), some in shards]
    inputs.write_columns(out, schema)
    return Typed(pl.concat([pl.DataFrame(schema=_DECODED), *decoded]), schema, facts)


def _decode(
    shard: int, samples: pl.DataFrame, raw: Path, out: Path, inputs: ModuleType, schema: object, options: Clean
) -> pl.DataFrame:
    """Decode the samples of one shard."""
    cells = read_rows(raw, shard)[samples["offset"]].with_columns(pl.all().str.strip_chars())
    chosen = {name: getattr(options, name) for name in registry.options_of(inputs.clean).model_fields}
    values, violations = inputs.clean(cells, schema, **chosen)
    told = pl.format("{}: {}", "column", "rule")
    details = violations.group_by("row").agg(detail=told.sort_by("column").str.join("; "))
    found = samples.select("id", digest=pl.Series(fingerprints(cells))).with_row_index("_row")
    found = found.join(details, left_on="_row", right_on="row", how="left", maintain_order="left")
    fits = found["detail"].is_null()
    np.save(out / f"pixels-{shard:05d}.npy", inputs.matrix(values.filter(fits)))
    write_parquet(rows_path(out, shard), values.filter(fits))
    place = pl.when(fits).then(fits.cast(pl.Int64).cum_sum() - 1)
    reason = pl.when(~fits).then(pl.lit("schema"))
    return found.select("id", "detail", "digest", reason=reason, shard=pl.lit(shard, pl.Int64), row=place).select(*_DECODED)
