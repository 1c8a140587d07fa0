"""Makes the rows that a source yields from the portions of its files: what is learnt, what names a row, and its cells."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import polars as pl

from dl_assets.artifacts.raw import RawRows
from dl_assets.errors import DataError
from dl_assets.sources._files.values import part_of, time_of
from dl_assets.sources._table.decimals import Decimals, find_decimals, with_dots
from dl_assets.sources._table.keys import Keys
from dl_assets.sources._table.marks import Marks, marks_of, target_marks, without_marks
from dl_assets.sources._table.reading import Portion, Reading


class Roles(NamedTuple):
    """Which columns are no cells."""

    target: str
    id: str | None = None
    group: str | None = None
    time: str | None = None
    part: str | None = None


class Manner(NamedTuple):
    """How cells are to be understood; None and `auto`: as in most tables."""

    missing: Sequence[str] | None
    decimal: str


class _Understanding(NamedTuple):
    """How the cells of one file are understood, as its first rows decide."""

    marks: Marks
    target_marks: Marks
    decimals: Decimals


def rows_of(readings: Sequence[Reading], roles: Roles, manner: Manner, description: dict[str, Any]) -> Iterator[RawRows]:
    """Yield the rows of all files, and count in `description` what was found in them; the counts are complete at the end.

    Raises DataError where there is no row, a key is missing or comes twice, or a time or part cannot be understood.
    """
    keys, missing = Keys(roles.id), Counter[str]()
    files = [{**reading.found, "rows": 0, "lost_rows": 0, "decimal_commas": 0} for reading in readings]
    description.update(files=files, missing=missing)
    columns = [name for name in readings[0].columns if name not in roles]
    for reading, file in zip(readings, files, strict=True):
        for found, cells in _rows_of_one(reading, roles, manner, file, missing):
            keys.add(found)
            yield RawRows(found, cells.select(columns))
    if not any(file["rows"] for file in files):
        raise DataError(f"source: {description['uri']} has a header, and no rows below it. Put the data there.")
    keys.require_unique()


def cells_of(reading: Reading, manner: Manner) -> Iterator[Portion]:
    """Yield all columns of one file as they are understood, where nothing says what a column is for."""
    marks, decimals = marks_of(manner.missing), None
    for cells, problem in reading.portions():
        clean = without_marks(cells, marks, Counter())
        if decimals is None:
            decimals = find_decimals(clean, manner.decimal, has_semicolons=reading.found.get("delimiter") == ";")
        yield Portion(with_dots(clean, decimals)[0], problem)


def _rows_of_one(
    reading: Reading, roles: Roles, manner: Manner, file: dict[str, Any], missing: Counter[str]
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    understanding = None
    for portion in reading.portions():
        understanding = understanding or _understand(portion.cells, reading, roles, manner)
        num_lost = len(portion.problem) - portion.problem.null_count()
        cells, num_commas = _understood(portion, understanding, roles, missing)
        numbers = pl.int_range(file["rows"] + 1, file["rows"] + 1 + len(cells), dtype=pl.Int64)
        origins = pl.select(pl.lit(f"{reading.name}:") + numbers.cast(pl.String)).to_series()
        file["rows"] += len(cells)
        file["lost_rows"] += num_lost
        file["decimal_commas"] += num_commas
        file["decimal"] = understanding.decimals.mark
        yield _found(origins, cells, portion.problem, roles), cells


def _understand(cells: pl.DataFrame, reading: Reading, roles: Roles, manner: Manner) -> _Understanding:
    marks, of_target = marks_of(manner.missing), target_marks(cells[roles.target], manner.missing)
    clean = without_marks(cells.select(_numeric(cells, roles)), marks, Counter())
    has_semicolons = reading.found.get("delimiter") == ";"
    return _Understanding(marks, of_target, find_decimals(clean, manner.decimal, has_semicolons=has_semicolons))


def _understood(portion: Portion, how: _Understanding, roles: Roles, missing: Counter[str]) -> tuple[pl.DataFrame, int]:
    """Return all columns as they are understood, and the number of decimal commas."""
    cells = portion.cells
    num_lost = len(portion.problem) - portion.problem.null_count()  # whose cells are null because nobody can tell them
    if num_empty := sum(column.null_count() for column in cells) - num_lost * cells.width:
        missing["empty"] += num_empty
    special = {roles.target: how.target_marks, roles.id: marks_of(())}
    parts = [without_marks(cells.drop(roles.target, *filter(None, [roles.id])), how.marks, missing)]
    parts += [without_marks(cells.select(name), marks, missing) for name, marks in special.items() if name is not None]
    clean = pl.concat(parts, how="horizontal")
    numeric, num_commas = with_dots(clean.select(_numeric(clean, roles)), how.decimals)
    return clean.with_columns(numeric), num_commas


def _numeric(cells: pl.DataFrame, roles: Roles) -> list[str]:
    """Return the columns in which a number may stand."""
    return [name for name in cells.columns if name == roles.target or name not in roles]


# ---- what is no cell -------------------------------------------------------------------------------------------


def _found(origins: pl.Series, cells: pl.DataFrame, problem: pl.Series, roles: Roles) -> pl.DataFrame:
    texts = {
        option: pl.Series([None], dtype=pl.String).new_from_index(0, len(cells))
        if name is None
        else cells[name].str.strip_chars()
        for option, name in roles._asdict().items()
    }
    time = _parsed(texts["time"], origins, "time", time_of, pl.Datetime("us"))
    part = _parsed(texts["part"], origins, "part", part_of, pl.String())
    return pl.DataFrame(
        {
            "origin": origins,
            "key": texts["id"],
            "target": texts["target"],
            "group": texts["group"],
            "time": time,
            "part": part,
            "problem": problem,
        }
    )


def _parsed(texts: pl.Series, origins: pl.Series, option: str, read: Callable[[str], object], dtype: pl.DataType) -> pl.Series:
    values = {}
    for text in texts.drop_nulls().unique():
        try:
            values[text] = read(text)
        except (ValueError, OverflowError) as error:
            origin = origins.filter(texts == text)[0]
            raise DataError(
                f"source.{option}: {origin}, column '{texts.name}': {error}. Correct the cell, or leave it empty."
            ) from error
    return (
        texts.replace_strict(list(values), list(values.values()), default=None, return_dtype=dtype)
        if values
        else texts.cast(dtype)
    )
