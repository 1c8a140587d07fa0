"""Rows of a table: CSV, TSV, JSON lines, Parquet or Excel files from anywhere, or what a query of a database yields."""

import posixpath
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from dl_assets.artifacts.raw import Source
from dl_assets.errors import ConfigError, DataError
from dl_assets.sources._files.places import is_url, watchable
from dl_assets.sources._table.database import read_database
from dl_assets.sources._table.files import Format, read_files
from dl_assets.sources._table.names import require_column
from dl_assets.sources._table.reading import Portion, Reading
from dl_assets.sources._table.rows import Manner, Roles, cells_of, rows_of


def table(
    *,
    path: Annotated[
        str | list[str] | None,
        Field(description="file or URL, or a list: .csv, .tsv (also .gz), .jsonl, .parquet, .xlsx, .ods"),
    ] = None,
    url: Annotated[
        str | None, Field(description="database, such as sqlite:///people.db or postgresql://user:${PASSWORD}@host/db")
    ] = None,
    query: Annotated[str | None, Field(description="SQL, with ORDER BY where there is no id; or the name of a table")] = None,
    target: Annotated[str, Field(description="column with what is learnt")],
    id: Annotated[  # noqa: A002 - an option is called as the user thinks of it
        str | None, Field(description="column with a key of each row; else a row is known by its content")
    ] = None,
    group: Annotated[str | None, Field(description="column; rows of one group are never in two parts")] = None,
    time: Annotated[str | None, Field(description="column with ISO dates or seconds since 1970")] = None,
    part: Annotated[str | None, Field(description="column with train, val or test")] = None,
    delimiter: Annotated[
        str, Field(description="between cells: auto, comma, semicolon, tab, pipe or another character")
    ] = "auto",
    encoding: Annotated[str, Field(description="auto, or one that Python knows, such as utf-8 or cp1252")] = "auto",
    decimal: Annotated[Literal["auto", ".", ","], Field(description="mark in numbers; a comma is rewritten as a dot")] = "auto",
    missing: Annotated[
        Literal["auto"] | list[str], Field(description="what stands for no value; an empty cell always does")
    ] = "auto",
    sheet: Annotated[str | None, Field(description="of a workbook; else the first that is not empty")] = None,
    licence: str = "not stated",
) -> Source:
    """Yield the rows of a table, of several files with the same columns or of a query; the description says what was detected.

    A row with too many or too few fields, or with a quote that is not closed, is lost and counted; no cell is ever shifted.
    Raises ConfigError for a missing column or a wrong option, DataError for what cannot be read as a table.
    """
    places, address = _origin(path, url, query)
    readings = [read_database(*address)] if address else read_files(places, Format(delimiter, encoding, sheet))
    roles = Roles(target, id, group, time, part)
    _require_columns(readings[0], roles)
    manner = Manner(None if missing == "auto" else missing, decimal)
    description = _describe(readings, licence)
    return Source(description, iter(()), rows=partial(rows_of, readings, roles, manner, description))


READING = ("delimiter", "encoding", "decimal", "missing", "sheet")  # options that say how a file is read


def read_cells(
    path: str,
    *,
    delimiter: str = "auto",
    encoding: str = "auto",
    decimal: str = "auto",
    missing: Literal["auto"] | list[str] = "auto",
    sheet: str | None = None,
) -> Iterator[Portion]:
    """Yield all columns of one file as text, and why a row is lost."""
    (reading,) = read_files([path], Format(delimiter, encoding, sheet))
    yield from cells_of(reading, Manner(None if missing == "auto" else missing, decimal))


def watched(*, path: str | list[str] | None = None, **options: Any) -> tuple[str, ...]:
    """Return the files, of more than two their folder; nothing of a database, into which DVC cannot see.

    A folder around data/, in which the results are, cannot be watched: then the first and the last file stand for all.
    """
    places = watchable(*_listed(path))
    if len(places) <= 2 or any(map(is_url, places)) or len({Path(place).is_absolute() for place in places}) > 1:
        return places
    folder = posixpath.commonpath([posixpath.normpath(place) for place in places]) or "."
    return places if Path("data").resolve().is_relative_to(Path(folder).resolve()) else (folder,)


def places(*, path: str | list[str] | None = None, **options: Any) -> tuple[str, ...]:
    """Return the files; of a database nothing, for only asking it tells whether it has changed."""
    return tuple(_listed(path))


def _listed(path: str | list[str] | None) -> list[str]:
    return [path] if isinstance(path, str) else path or []


def _origin(path: str | list[str] | None, url: str | None, query: str | None) -> tuple[list[str], tuple[str, str] | None]:
    """Return the files, or the database and what is asked of it."""
    places = _listed(path)
    if places and (url is not None or query is not None):
        raise ConfigError("source: path is for files, url and query are for a database. Write one or the other.")
    if not places and url is None:
        raise ConfigError("source: neither a file nor a database is given. Write path: people.csv, or url and query.")
    if url is not None and (query is None or not query.strip()):
        raise ConfigError("source.query is missing: write the SQL that yields the rows, or the name of a table.")
    return places, (url, query) if url is not None and query is not None else None


def _require_columns(reading: Reading, roles: Roles) -> None:
    place = reading.found["file"]
    for option, column in roles._asdict().items():
        if column is not None:
            require_column(option, column, reading.columns, place)
    named = [column for column in roles if column is not None]
    if roles.target in named[1:]:
        raise ConfigError(
            f"source.target: '{roles.target}' is also the {roles._fields[roles[1:].index(roles.target) + 1]}. Name another."
        )
    if set(reading.columns) <= set(named):
        raise DataError(f"source: {place} has no column beside {', '.join(named)}, so there is nothing to learn from. Add one.")


def _describe(readings: Sequence[Reading], licence: str) -> dict[str, Any]:
    """What the rows hold is added while they are read."""
    counts = [reading.num_rows for reading in readings]
    return {
        "kind": "table",
        "uri": ", ".join(reading.found["file"] for reading in readings),
        "licence": licence,
        "num_samples": None if None in counts else sum(count or 0 for count in counts),
        "skipped_files": 0,
        "num_columns": len(readings[0].columns),
        "files": [reading.found for reading in readings],
    }
