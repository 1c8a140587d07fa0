"""How the drift measures went over time: chunk by chunk of the log."""

from typing import Any

import polars as pl

from dl_assets.operations.monitoring.columns import comparable
from dl_assets.operations.monitoring.differences import compare
from dl_assets.operations.monitoring.served import Served

NUM_CHUNKS = 20


def follow(served: Served, rows: pl.DataFrame, *, size: int, psi: float) -> pl.DataFrame:
    """Return start (UTC), rows, measure, statistic and limit of each whole chunk of `size` predictions, the oldest first.

    Chunks end with the latest prediction, so that the last one is never short.
    """
    reference = comparable(served.reference, served.exported)
    found = [
        {"start": chunk["time"][0], "rows": len(chunk), "measure": one.name, "statistic": one.statistic, "limit": one.limit}
        for chunk in (rows[start : start + size] for start in range(len(rows) % size, len(rows), size))
        for one in compare(reference, comparable(chunk, served.exported), psi=psi, with_chance=False)
    ]
    schema: dict[str, Any] = {"start": pl.Datetime("us", "UTC"), "rows": pl.Int64, "measure": pl.String}
    return pl.DataFrame(found, schema={**schema, "statistic": pl.Float64, "limit": pl.Float64})
