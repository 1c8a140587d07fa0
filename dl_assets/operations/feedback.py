"""Targets that came back: what the answer to a prediction should have been, by the id that the server gave it.

data/<pipeline>/feedback/ has a file for each call of `dl feedback`, and the log of what came over HTTP. What of a file could
not be taken lies in its folder `rejected/`, with the reason; who sends it over HTTP, to `serving`, is told at once.
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from dl_assets import files
from dl_assets.artifacts.tables import write_parquet
from dl_assets.config import Pipeline
from dl_assets.errors import ConfigError, DataError
from dl_assets.operations.logs.log import read_log
from dl_assets.operations.logs.window import logged_among
from dl_assets.operations.predict import Exported
from dl_assets.operations.predicting.chosen import choose_model
from dl_assets.registry import did_you_mean, module

SCHEMA: dict[str, Any] = {"id": pl.String, "target": pl.String, "time": pl.Datetime("us", "UTC")}
FEEDBACK, REJECTED = "feedback", "rejected"


def read_feedback(folder: Path) -> pl.DataFrame:
    """Return id, target and time (UTC) of all feedback; of an id that was told twice what was told last."""
    told = read_log(folder)
    return (pl.DataFrame(schema=SCHEMA) if told.is_empty() else told).unique("id", keep="last", maintain_order=True)


def take_feedback(config: Pipeline, root: Path, path: Path) -> dict[str, Any]:
    """Store the targets of a file with the columns id and target, and return how many were new, changed, known and rejected.

    Raises ConfigError where the file cannot be read as that, DataError where no row of it could be taken.
    """
    folder = root / "data" / config.name
    rows = _read(path)
    exported = choose_model(config, root).exported
    problems = problems_of(rows, logged_among(folder / "predictions", set(rows["id"].drop_nulls())), exported)
    taken = rows.filter(problems.is_null()).unique("id", keep="last", maintain_order=True)
    before = taken.select("id").join(read_feedback(folder / FEEDBACK), on="id", how="left", maintain_order="left")["target"]
    is_known = [_form(told, exported) == _form(target, exported) for told, target in zip(before, taken["target"], strict=True)]
    fresh = taken.filter(~pl.Series(is_known, dtype=pl.Boolean))
    rejected = rows.with_columns(problems.alias("reason")).drop_nulls("reason")
    _store(folder / FEEDBACK / REJECTED, rejected)  # first: a crash in between loses no row for which nothing stands yet
    _store(folder / FEEDBACK, fresh)
    told: dict[str, Any] = {
        "rows": len(rows),
        "new": before.null_count(),
        "changed": len(fresh) - before.null_count(),
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
        print(f"Rejected: {_listed(told['reasons'])}. They are kept in the folder {FEEDBACK}/{REJECTED}.")


def _listed(reasons: dict[str, int]) -> str:
    return "; ".join(f"{count:,} {reason}" for reason, count in list(reasons.items())[:5])


def _read(path: Path) -> pl.DataFrame:
    """Return id and target as text, as a file of a table source is read. Raises ConfigError."""
    if not path.exists():
        raise ConfigError(f"{path} does not exist (looked in {Path.cwd()}). Give a table with the columns id and target.")
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
    return wanted.with_columns(pl.col("target").fill_null(""))  # of several labels, none is an answer too


def problems_of(rows: pl.DataFrame, logged: set[str], exported: Exported) -> pl.Series:
    """Say of each row, id and target as text, why it cannot be taken; null where it can. `logged` are ids of predictions."""
    forms = {target: _form(target, exported) for target in rows["target"].unique()}
    several: dict[str | None, set[bytes | None]] = {}
    for id_, target in rows.iter_rows():
        several.setdefault(id_, set()).add(forms[target])

    def problem(id_: str | None, target: str) -> str | None:
        if id_ is None:
            return "without an id"
        if forms[target] is None:
            return f"with the target '{target}', which the model does not know" if target else "without a target"
        if id_ not in logged:
            return "with an id that no logged prediction has"
        return "with an id that has two targets" if len(several[id_]) > 1 else None

    return pl.Series([problem(*row) for row in rows.iter_rows()], dtype=pl.String)


def _form(target: str | None, exported: Exported) -> bytes | None:
    """What equal targets have in common, such as 1 and 1.0, or labels in another order; None where the model knows no such."""
    if target is None:
        return None
    try:
        form: bytes = exported.targets.encode(pl.Series([target], dtype=pl.String), exported.fitted).tobytes()
    except DataError:
        return None
    return form


def _store(folder: Path, rows: pl.DataFrame) -> None:
    """Write a file of its own, named by the time, whole or not at all."""
    if rows.is_empty():
        return
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)
    with files.replaced(folder / f"{now:%Y%m%dT%H%M%S.%fZ}.parquet") as temporary:
        write_parquet(temporary, rows.with_columns(time=pl.lit(now).cast(SCHEMA["time"])))
