"""Answers of a model for tables that it has never seen: every row as it is, and the prediction beside it."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from dl_assets import registry
from dl_assets.config import Pipeline
from dl_assets.errors import DataError
from dl_assets.inputs._table.schema_file import schema_of
from dl_assets.operations.predict import Exported
from dl_assets.operations.predicting.piece import Piece, free_names
from dl_assets.sources._files.places import stamp
from dl_assets.sources._table.reading import Portion


def pieces_of(exported: Exported, config: Pipeline, paths: Sequence[str]) -> Iterator[Piece]:
    """Yield the tables portion by portion, read as the source reads its own. Raises DataError where their columns differ."""
    table = registry.module("sources", "table")
    options = {name: config.source.options[name] for name in table.READING} if config.source.name == "table" else {}
    columns: list[str] = []
    for path in paths:
        identity = [str(Path(path).absolute()), str(stamp(path, "FILES")), json.dumps(options)]
        for number, portion in enumerate(table.read_cells(path, **options)):
            columns = columns or portion.cells.columns
            _require_same(columns, portion.cells.columns)
            answers = lambda portion=portion: iter([predict_portion(exported, portion)])  # noqa: E731 - of this portion
            yield Piece([*identity, str(number)], len(portion.problem), answers)


def _require_same(columns: list[str], others: list[str]) -> None:
    if others != columns:  # below one header their cells would stand in the wrong columns
        raise DataError(
            f"the tables have different columns ({', '.join(columns)}; {', '.join(others)}), so their rows cannot be "
            "written below each other. Nothing is written to a file: predict them one by one."
        )


def predict_portion(exported: Exported, portion: Portion) -> pl.DataFrame:
    """Return the rows with prediction, confidence, probability_<class> and problem, or what else the kind of target tells.

    Where a row does not fit, `problem` says why and the answers are null. An answer that is called like a column of the
    table gets an underscore behind it.
    """
    asked: dict[str, Any] = exported.asked["fitted"]
    values, violations = exported.inputs.clean(portion.cells, schema_of(asked["schema"]), **exported.decoding)
    problem = _problems(portion.problem, violations)
    fits = problem.is_null()
    answers = exported.answer(exported.inputs.feed(values.filter(fits), asked), int(fits.sum()))
    place = pl.select(pl.when(fits).then(fits.cast(pl.Int64).cum_sum() - 1)).to_series()
    beside = answers.select(pl.all().gather(place)).with_columns(problem)
    return portion.cells.hstack(beside.rename(free_names(beside.columns, portion.cells.columns)))


def _problems(lost: pl.Series, violations: pl.DataFrame) -> pl.Series:
    """Return why each row has no answer: it could not be read, or these columns do not fit; else null."""
    told = violations.group_by("row").agg(told=pl.format("{}: {}", "column", "rule").sort_by("column").str.join("; "))
    found = pl.DataFrame({"lost": lost}).with_row_index("row").join(told, on="row", how="left", maintain_order="left")
    return found.select(pl.coalesce("lost", "told").alias("problem")).to_series()
