"""Targets that came back: what the answer to a prediction should have been, by the id that the server gave it.

A file for each call in data/<pipeline>/feedback/; what could not be taken lies in its folder `rejected/`, with the reason.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from dl_assets import files
from dl_assets.artifacts.tables import write_parquet
from dl_assets.config import Pipeline
from dl_assets.errors import ConfigError, DataError
from dl_assets.operations.predict import Exported
from dl_assets.operations.predicting.chosen import choose_model
from dl_assets.operations.serving.journal import ENDING, read_journal
from dl_assets.registry import did_you_mean, module

SCHEMA: dict[str, Any] = {"id": pl.String, "target": pl.String, "time": pl.Datetime("us", "UTC")}
REJECTED = "rejected"


def read_feedback(folder: Path) -> pl.DataFrame:
    """Return id, target and time (UTC) of all feedback; of an id that was told twice what was told last."""
    frames = [pl.read_parquet(path) for path in sorted(folder.glob("*.parquet"))]
    told = pl.concat(frames) if frames else pl.DataFrame(schema=SCHEMA)
    return told.sort("time", maintain_order=True).unique("id", keep="last", maintain_order=True)


def take_feedback(config: Pipeline, root: Path, path: Path) -> dict[str, Any]:
    """Store the targets of a file with the columns id and target, and return how many were new, changed, known and rejected.

    Raises ConfigError where the file cannot be read as that, DataError where no row of it could be taken.
    """
    folder = root / "data" / config.name
    rows = _read(path)
    problems = _problems(rows, _logged(folder / "predictions"), choose_model(config, root).exported)
    taken = rows.filter(problems.is_null()).unique("id", keep="last", maintain_order=True)
    before = taken.join(read_feedback(folder / "feedback"), on="id", how="left", suffix="_before", maintain_order="left")
    fresh = taken.filter(before["target_before"].is_null() | (before["target_before"] != before["target"]))
    rejected = rows.with_columns(problems.alias("reason")).drop_nulls("reason")
    _store(folder / "feedback", fresh)
    _store(folder / "feedback" / REJECTED, rejected)
    told: dict[str, Any] = {
        "rows": len(rows),
        "new": before["target_before"].null_count(),
        "changed": len(fresh) - before["target_before"].null_count(),
        "known": len(taken) - len(fresh),
        "rejected": len(rejected),
        "reasons": dict(rejected.group_by("reason").len().sort("len", "reason", descending=[True, False]).iter_rows()),
    }
    if len(rows) and not len(taken):
        raise DataError(f"{path}: none of {len(rows):,} rows could be taken: {_listed(told['reasons'])}.")
    return told


def print_feedback(told: dict[str, Any]) -> None:
    counts = ", ".join(f"{told[name]:,} {name}" for name in ("new", "changed", "known", "rejected"))
    print(f"{told['rows']:,} rows: {counts}.")
    if told["rejected"]:
        print(f"Rejected: {_listed(told['reasons'])}. They are kept in the folder feedback/{REJECTED}.")


def _listed(reasons: dict[str, int]) -> str:
    return "; ".join(f"{count:,} {reason}" for reason, count in list(reasons.items())[:5])


def _read(path: Path) -> pl.DataFrame:
    """Return id and target as text, as a file of a table source is read. Raises ConfigError."""
    try:
        rows = pl.concat([portion.cells for portion in module("sources", "table").read_cells(str(path))])
    except DataError as error:
        raise ConfigError(str(error)) from error
    missing = [name for name in ("id", "target") if name not in rows.columns]
    if missing:
        like = did_you_mean(missing[0], rows.columns)
        raise ConfigError(
            f"{path} has no column '{missing[0]}'{like}. It needs the columns id, which the server gives each prediction, and "
            "target, which is the right answer."
        )
    wanted: pl.DataFrame = rows.select(pl.col("id", "target").str.strip_chars().replace("", None))
    return wanted


def _logged(folder: Path) -> set[str]:
    """The ids of all predictions that the server has logged."""
    journals = (read_journal(path) for path in folder.glob(f"*{ENDING}"))
    stored = [pl.scan_parquet(path).select("id").collect() for path in sorted(folder.glob("*.parquet"))]
    return {id_ for rows in [*stored, *(one for one in journals if one is not None)] for id_ in rows["id"]}


def _problems(rows: pl.DataFrame, logged: set[str], exported: Exported) -> pl.Series:
    """Say of each row why it cannot be taken; null where it can."""
    several = set(rows.unique().group_by("id").len().filter(pl.col("len") > 1)["id"].drop_nulls())
    unfit = {target: reason for target in rows["target"].drop_nulls().unique() if (reason := _unfit(target, exported))}

    def problem(id_: str | None, target: str | None) -> str | None:
        if id_ is None:
            return "without an id"
        if target is None:
            return "without a target"
        if id_ not in logged:
            return "with an id that no logged prediction has"
        if id_ in several:
            return "with an id that has two targets in this file"
        return unfit.get(target)

    return pl.Series([problem(*row) for row in rows.iter_rows()], dtype=pl.String)


def _unfit(target: str, exported: Exported) -> str | None:
    try:
        exported.targets.encode(pl.Series([target]), exported.fitted)
    except DataError:
        return f"with the target '{target}', which the model does not know"
    return None


def _store(folder: Path, rows: pl.DataFrame) -> None:
    """Write a file of its own, named by the time, whole or not at all."""
    if rows.is_empty():
        return
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    with files.replaced(folder / f"{now:%Y%m%dT%H%M%S.%fZ}.parquet") as temporary:
        write_parquet(temporary, rows.with_columns(time=pl.lit(now).cast(SCHEMA["time"])))
