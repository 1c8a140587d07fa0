"""Answers of an exported model for tables that it has never seen: every row as it is, and the prediction beside it."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl

from dl_assets import registry
from dl_assets.config import Pipeline
from dl_assets.errors import DataError
from dl_assets.inputs._table.schema_file import schema_of
from dl_assets.operations.predict import Exported, open_exported, sink, text_of


def predict_tables(config: Pipeline, paths: list[str], root: Path, out: Path | None, *, as_json: bool) -> None:
    """Predict every row of these tables, and write the rows to `out`, or print them as CSV or as one JSON object a line.

    Raises DataError after all the others are predicted, where a row does not fit the schema; its `problem` says why.
    """
    exported = open_exported(config, root)
    columns: list[str] = []
    num_rows = num_problems = 0
    with sink(out) as file:
        for number, rows in enumerate(predict_rows(exported, read_tables(config, paths))):
            columns = columns or rows.columns
            if rows.columns != columns:  # below one header their cells would stand in the wrong columns
                raise DataError(
                    f"the tables have different columns ({', '.join(columns)}; {', '.join(rows.columns)}), so their rows "
                    "cannot be written below each other. Nothing is written to a file: predict them one by one."
                )
            file.write(text_of(rows, as_json=as_json, with_header=number == 0))
            num_rows += len(rows)
            num_problems += rows["problem"].count()
    if out:
        print(f"Wrote {out}: {num_rows:,} row{'s' if num_rows != 1 else ''}.")
    if num_problems:
        raise DataError(
            f"{num_problems:,} of {num_rows:,} rows do not fit the schema of the table that the model learnt from. "
            "They say why in the column `problem`; the others are predicted."
        )


def read_tables(config: Pipeline, paths: Iterable[str]) -> Iterator[pl.DataFrame]:
    """Yield the cells of these files as the source reads its own, with a column `problem`, null where a row is intact."""
    table = registry.module("sources", "table")
    options = config.source.options if config.source.name == "table" else {}
    for path in paths:
        yield from table.read_cells(path, **{name: options[name] for name in table.READING if name in options})


def predict_rows(exported: Exported, tables: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """Yield the rows with prediction, confidence, probability_<class> and problem, or what else the kind of target tells.

    Where a row does not fit, `problem` says why and the answers are null. An answer that is called like a column of the
    table gets an underscore behind it.
    """
    schema = schema_of(exported.asked["fitted"]["schema"])
    for rows in tables:
        cells, lost = rows.drop("problem"), rows["problem"]
        values, violations = exported.inputs.clean(cells, schema, **exported.decoding)
        told = violations.group_by("row").agg(told=pl.format("{}: {}", "column", "rule").sort_by("column").str.join("; "))
        found = pl.DataFrame({"lost": lost}).with_row_index("row").join(told, on="row", how="left", maintain_order="left")
        problem = found.select(pl.coalesce("lost", "told").alias("problem")).to_series()
        fits = problem.is_null()
        inputs = exported.inputs.feed(values.filter(fits), exported.asked["fitted"])
        answers = exported.answer(inputs, int(fits.sum()))
        place = pl.select(pl.when(fits).then(fits.cast(pl.Int64).cum_sum() - 1)).to_series()
        beside = answers.select(pl.all().gather(place)).with_columns(problem)
        yield cells.hstack(beside.rename({name: f"{name}_" for name in beside.columns if name in cells.columns}))
