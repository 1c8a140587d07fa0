"""Cells as typed values, held against a schema: what breaks a rule is told row by row."""

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from dl_assets.errors import DataError
from dl_assets.inputs._table.date_formats import days_of
from dl_assets.inputs._table.schema import Column, Schema
from dl_assets.inputs._table.survey import as_numbers, strip_all
from dl_assets.registry import nearest

_SHOWN = 60  # characters of a cell
_VIOLATIONS = {"row": pl.Int64, "column": pl.String, "value": pl.String, "rule": pl.String}


def apply(schema: Schema, cells: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the used columns, typed, and the violations (row, column, value, rule), by row and then by column.

    Numbers are Float64, dates Float64 days since 1970-01-01, categories String; what is missing or breaks a rule of its kind
    is null. `row` is the index in `cells`. Raises DataError where the table lacks a column. Others than the schema has are
    left out: see `unknown_columns`.
    """
    require_columns(schema, cells.columns)
    stripped = strip_all(cells.select(column.name for column in schema.used))
    texts = {column.name: _renamed(stripped[column.name], column) for column in schema.used}
    typed = pl.DataFrame([_read(texts[column.name], column) for column in schema.used])
    found = [*_unreadable(schema, texts, typed), *_broken(schema, texts, typed)]
    violations = pl.concat(found) if found else pl.DataFrame(schema=_VIOLATIONS)
    order = pl.col("column").replace_strict(schema.names, range(len(schema.names)), return_dtype=pl.Int64)
    return typed, violations.sort("row", order, maintain_order=True)


def require_columns(schema: Schema, names: Sequence[str]) -> None:
    """Raise DataError that names every used column that the table lacks, and the column that it may be now."""
    lost = [column.name for column in schema.used if column.name not in set(names)]
    if not lost:
        return
    new = unknown_columns(schema, names)
    told = [f"'{name}'" + (f" (renamed to '{like}'?)" if (like := nearest(name, new)) else "") for name in lost]
    where = f"{schema.path} asks for" if schema.path else "the schema asks for"
    raise DataError(
        f"The table lacks {len(lost)} of the columns that {where}: {_few(told)}. Mend the table, or the schema: by hand, with "
        "`kind: ignore` for a column that is gone for good, or anew by: dl schema NAME --infer"
    )


def unknown_columns(schema: Schema, names: Sequence[str]) -> list[str]:
    """Return the columns of a table of which the schema says nothing; nothing is done with them."""
    known = set(schema.names)
    return [name for name in names if name not in known]


def missing_shares(values: pl.DataFrame) -> pl.DataFrame:
    """Return column and share (of the rows that lack it) for every column of typed values, most missing first."""
    shares = [count / max(len(values), 1) for count in values.null_count().row(0)] if values.width else []
    table = pl.DataFrame({"column": values.columns, "share": shares}, schema={"column": pl.String, "share": pl.Float64})
    return table.sort("share", descending=True, maintain_order=True)


def _renamed(texts: pl.Series, column: Column) -> pl.Series:
    return texts.replace(dict(column.rename)) if column.rename else texts


def _read(texts: pl.Series, column: Column) -> pl.Series:
    if column.kind == "number":
        return as_numbers(texts)
    return days_of(texts, column.formats) if column.kind == "date" else texts


def _unreadable(schema: Schema, texts: dict[str, pl.Series], typed: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Find the cells that hold something, but not what their column holds."""
    for column in schema.used:
        if column.kind == "category" or typed[column.name].null_count() == texts[column.name].null_count():
            continue
        rows = (typed[column.name].is_null() & texts[column.name].is_not_null()).arg_true()
        rule = "is no number" if column.kind == "number" else f"is no date of the form {' or '.join(column.formats)}"
        yield _told(column, texts[column.name], rows, rule)


def _broken(schema: Schema, texts: dict[str, pl.Series], typed: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Find the cells that break a rule of the schema, by pandera; one that could not be read was told already."""
    columns = {column.name: column for column in schema.used}
    for (name, rule), found in _failures(schema, typed):
        column, rows = columns[str(name)], found["index"].cast(pl.UInt32)
        if rule == "not_nullable":
            yield _told(column, texts[column.name], rows.filter(texts[column.name].gather(rows).is_null()), "is missing")
        else:
            yield _told(column, texts[column.name], rows, str(rule))


def _failures(schema: Schema, typed: pl.DataFrame) -> Iterator[tuple[tuple[object, ...], pl.DataFrame]]:
    """Yield column and rule of each that is broken, and the cases, of which `index` is the row."""
    import pandera.polars as pa

    for piece in schema.pandera:
        try:
            piece.validate(typed.select(list(piece.columns)), lazy=True)
        except pa.errors.SchemaErrors as errors:
            yield from errors.failure_cases.group_by("column", "check", maintain_order=True)


def _told(column: Column, texts: pl.Series, rows: pl.Series, rule: str) -> pl.DataFrame:
    values = texts.gather(rows)
    shown = pl.when(values.str.len_chars() > _SHOWN).then(values.str.head(_SHOWN - 3) + "...").otherwise(values)
    quoted: Any = pl.concat_str(pl.lit("'"), shown, pl.lit(f"' {rule}"))
    frame = pl.select(
        row=rows.cast(pl.Int64), column=pl.lit(column.name), value=values, rule=pl.coalesce(quoted, pl.lit(f"the cell {rule}"))
    )
    return frame.cast(_VIOLATIONS)  # type: ignore[arg-type]


def _few(words: Sequence[str]) -> str:
    return ", ".join(words[:10]) + (f" and {len(words) - 10} more" if len(words) > 10 else "")
