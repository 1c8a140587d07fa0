"""JSON lines: one object a line. A key that a line does not have is an empty cell; the columns are the keys of all lines."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from dl_assets.errors import DataError
from dl_assets.sources._table.local import Local
from dl_assets.sources._table.names import column_names
from dl_assets.sources._table.reading import MAX_ROWS, Portion, Reading, spread
from dl_assets.sources._table.text import find_encoding, texts

Cells = dict[str, str | None]


def read_lines(local: Local, place: str, name: str, *, encoding: str) -> Reading:
    """Read a file twice: first for its keys. A line that is no object with each key once is a row that is lost."""
    found_encoding, _ = find_encoding(local.path, place, encoding)
    keys: dict[str, None] = {}
    num_rows = num_broken = 0
    for row in _rows(local.path, place, found_encoding):
        num_rows += 1
        if isinstance(row, str):
            num_broken += 1
        else:
            keys.update(dict.fromkeys(row))
    if num_broken == num_rows > 0:
        raise DataError(
            f"source.path: {place} has no line that is a JSON object. Write one object a line, or use another format."
        )
    columns, _ = column_names(list(keys), place)

    def portions() -> Iterator[Portion]:
        rows = _rows(local.path, place, found_encoding)
        while some := list(islice(rows, MAX_ROWS)):
            yield _portion(some, list(keys), columns)

    return Reading(name, columns, num_rows, {"encoding": found_encoding}, portions)


def _portion(rows: list[Cells | str], keys: list[str], columns: list[str]) -> Portion:
    good = [row for row in rows if not isinstance(row, str)]
    values = ([row.get(key) for row in good] for key in keys)
    cells = pl.DataFrame([pl.Series(name, texts, pl.String) for name, texts in zip(columns, values, strict=True)])
    problem = pl.Series([row if isinstance(row, str) else None for row in rows], dtype=pl.String)
    return Portion(cells if len(good) == len(rows) else spread(cells, problem.is_null()), problem)


def _rows(path: Path, place: str, encoding: str) -> Iterator[Cells | str]:
    for line in _lines(path, place, encoding):
        if not line.strip():
            continue
        try:
            # Numbers stay as they are written: 1.50 is no 1.5, and a long id has all of its digits.
            row = json.loads(line, parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=_once)
        except (ValueError, RecursionError) as error:
            yield f"is no JSON object: {error}"
            continue
        yield {key: _text(value) for key, value in row.items()} if isinstance(row, dict) else "is JSON, but no object"


def _lines(path: Path, place: str, encoding: str) -> Iterator[str]:
    rest = ""
    for text in texts(path, place, encoding):
        *lines, rest = (rest + text).split("\n")
        yield from lines
    yield rest


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) != len(pairs):
        raise ValueError("a key is in it twice")
    return row


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
