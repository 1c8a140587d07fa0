"""The decimal comma: whether numbers have one, and how they are written with a dot instead."""

from typing import Literal, NamedTuple

import polars as pl

_GROUP = "[ .'\u00a0\u202f]"  # stands between thousands where the decimal mark is a comma
_EXPONENT = r"(?:[eE][+-]?\d+)?\s*$"
_COMMA = r"^\s*[+-]?\d*,\d+" + _EXPONENT
_DOT = r"^\s*[+-]?\d*\.\d+" + _EXPONENT
_WHOLE = r"^\s*[+-]?\d+" + _EXPONENT
_GROUPED = rf"^\s*[+-]?[1-9]\d{{0,2}}(?:{_GROUP}\d{{3}})+,\d+\s*$"
_THOUSANDS = rf"^\s*[+-]?[1-9]\d{{0,2}}(?:{_GROUP}\d{{3}})+\s*$"
_UNSURE_COMMA = r"^\s*[+-]?[1-9]\d{0,2},\d{3}\s*$"  # thousands or decimals: only other numbers can tell
_UNSURE_DOT = r"^\s*[+-]?[1-9]\d{0,2}\.\d{3}\s*$"
_NUM_CELLS = 1_000_000  # of which numbers are looked at


class Decimals(NamedTuple):
    """`grouped` names the columns in which a dot or space stands between thousands."""

    mark: Literal[".", ","]
    grouped: frozenset[str] = frozenset()


def find_decimals(cells: pl.DataFrame, wanted: str, *, has_semicolons: bool) -> Decimals:
    """Tell from the first rows which mark most numbers have.

    A cell such as 1,500 says nothing by itself; between semicolons, which stand where the comma is taken, it is a decimal.
    """
    some = cells.head(max(100, _NUM_CELLS // max(1, cells.width)))
    if wanted == "." or (wanted == "auto" and not _has_comma(some, has_semicolons)):
        return Decimals(".")
    return Decimals(",", frozenset(_grouped(some)))


def _has_comma(cells: pl.DataFrame, has_semicolons: bool) -> bool:
    with_comma = cells.select(_columns_where(cells, pl.all().str.contains(",", literal=True).any()))
    unsure = _count(with_comma, _UNSURE_COMMA)
    sure = _count(with_comma, f"{_COMMA}|{_GROUPED}") - unsure
    if not sure + unsure:
        return False
    dots = _count(cells, _DOT) - _count(cells, _UNSURE_DOT)
    return sure > dots or (has_semicolons and sure == dots)


def _grouped(cells: pl.DataFrame) -> list[str]:
    """Return the columns all cells of which are numbers, with a dot or space between thousands wherever there is one."""
    is_number = pl.all().str.contains(f"{_COMMA}|{_WHOLE}|{_GROUPED}|{_THOUSANDS}").all()
    return _columns_where(cells, is_number & pl.all().str.contains(f"{_GROUPED}|{_THOUSANDS}").any())


def _columns_where(cells: pl.DataFrame, condition: pl.Expr) -> list[str]:
    row = cells.select(condition)
    return [name for name, is_true in zip(row.columns, row.row(0), strict=True) if is_true] if cells.width else []


def _count(cells: pl.DataFrame, pattern: str) -> int:
    return sum(cells.select(pl.all().str.contains(pattern).sum()).row(0)) if cells.width else 0


def with_dots(cells: pl.DataFrame, decimals: Decimals) -> tuple[pl.DataFrame, int]:
    """Return the cells with a dot in every number that has a decimal comma, and how many these are."""
    if decimals.mark == ".":
        return cells, 0
    is_number = cells.select(
        pl.col(name).str.contains(f"{_COMMA}|{_GROUPED}|{_THOUSANDS}" if name in decimals.grouped else f"{_COMMA}|{_GROUPED}")
        for name in cells.columns
    ).fill_null(value=False)
    changed = _columns_where(is_number, pl.all().any())
    num_changed = sum(int(is_number[name].sum()) for name in changed)
    return cells.with_columns(_dotted(cells[name], is_number[name]) for name in changed), num_changed


def _dotted(column: pl.Series, is_number: pl.Series) -> pl.Series:
    plain = column.str.strip_chars().str.replace_all(_GROUP, "").str.replace(",", ".", literal=True)
    return plain.zip_with(is_number, column)
