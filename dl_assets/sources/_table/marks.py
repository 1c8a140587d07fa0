"""The words that stand for a missing value."""

from collections import Counter
from collections.abc import Iterable, Sequence

import polars as pl

_MARKS = ("NA", "N/A", "#N/A", "n.a.", "NaN", "null", "?", r"\N")
_WORDS = ("None", "nil", "-", "--", ".", "missing")  # which may also be a class
_NUMBER = r"^\s*[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?\s*$"

Marks = pl.Series


def marks_of(missing: Sequence[str] | None) -> Marks:
    """Return every way to write the marks; None: those that are usual, in any case. An empty cell is missing anyway.

    >>> marks_of(["x"]).to_list()
    ['', 'x']
    """
    return pl.Series(["", *missing] if missing is not None else ["", *_cases((*_MARKS, *_WORDS))])


def target_marks(target: pl.Series, missing: Sequence[str] | None) -> Marks:
    """Return the marks of the target: where it holds words, `None` or `-` may be one of them, and is not missing."""
    is_number = target.str.contains(_NUMBER).sum() * 2 >= len(target) - target.null_count()
    return marks_of(missing) if missing is not None or is_number else pl.Series(["", *_cases(_MARKS)])


def _cases(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(form for word in words for form in (word, word.lower(), word.upper(), word.capitalize())))


def without_marks(cells: pl.DataFrame, marks: Marks, counts: Counter[str]) -> pl.DataFrame:
    """Return the cells with null for each mark, whatever spaces are around it, and count these as they are written.

    Cells that are null already are not counted.
    """
    # Few columns have spaces around cells, and to take these off all cells would cost more than all the rest.
    spaces = cells.select((pl.all().str.starts_with(" ") | pl.all().str.ends_with(" ")).any(ignore_nulls=True))
    spaced = _true_columns(spaces)
    bare = [pl.col(spaced).str.strip_chars(), pl.all().exclude(spaced)] if spaced else [pl.all()]
    is_mark = cells.select(column.is_in(marks.implode()).fill_null(value=False) for column in bare)
    marked = _true_columns(is_mark.select(pl.all().any()))
    return cells.with_columns(_emptied(cells[name], is_mark[name], counts) for name in marked)


def _true_columns(row: pl.DataFrame) -> list[str]:
    return [name for name, is_true in zip(row.columns, row.row(0), strict=True) if is_true]


def _emptied(column: pl.Series, is_mark: pl.Series, counts: Counter[str]) -> pl.Series:
    found = column.filter(is_mark).str.strip_chars().value_counts()
    for mark, count in found.iter_rows():
        counts[mark or "empty"] += count
    return column.zip_with(~is_mark, pl.Series(column.name, [None], pl.String).new_from_index(0, len(column)))
