"""Which kind of table a file is, and how several make one."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from dl_assets.errors import ConfigError, DataError
from dl_assets.sources._files.places import is_url
from dl_assets.sources._table.lines import read_lines
from dl_assets.sources._table.local import bring, format_of
from dl_assets.sources._table.names import require_same
from dl_assets.sources._table.parquet import read_parquet
from dl_assets.sources._table.reading import Reading
from dl_assets.sources._table.separated import read_separated
from dl_assets.sources._table.workbook import read_workbook

_KEY = "source.path"
_SEPARATED = (".csv", ".tsv", ".tab", ".txt", ".data")
_LINES = (".jsonl", ".ndjson")
_PARQUET = (".parquet", ".pq")
_WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
TABLE_SUFFIXES = (*_SEPARATED, *_LINES, *_PARQUET, *_WORKBOOKS)


class Format(NamedTuple):
    """What the user says of files; `auto` and None: it is found out."""

    delimiter: str = "auto"
    encoding: str = "auto"
    sheet: str | None = None


def read_files(places: Sequence[str], how: Format) -> list[Reading]:
    """Read the files of one table. Raises DataError where they do not have the same columns."""
    readings = [_read(place, name, how) for place, name in zip(places, _names(places), strict=True)]
    for place, reading in zip(places[1:], readings[1:], strict=True):
        require_same(reading.columns, place, readings[0].columns, places[0])
    return readings


def _names(places: Sequence[str]) -> list[str]:
    """Return what the origins of each file begin with: its name, or the whole place where two files have one name.

    >>> _names(["a/x.csv", "b/y.csv"]), _names(["a/x.csv", "b/x.csv"])
    (['x.csv', 'y.csv'], ['a/x.csv', 'b/x.csv'])
    """
    twice = [place for place, count in Counter(places).items() if count > 1]
    if twice:
        raise ConfigError(f"{_KEY}: {twice[0]} is listed twice. Delete one of the two.")
    names = [PurePosixPath(place.partition("?")[0]).name for place in places]
    return names if len(set(names)) == len(names) else list(places)


def _read(place: str, name: str, how: Format) -> Reading:
    suffix = format_of(place)
    if not is_url(place) and Path(place).is_dir():
        raise DataError(f"{_KEY}: {place} is a folder. Name the file in it, or several files as a list.")
    if suffix not in TABLE_SUFFIXES:
        raise ConfigError(
            f"{_KEY}: {place} must end in one of {', '.join(TABLE_SUFFIXES)} (or .csv.gz). Rename it, or correct it."
        )
    local = bring(place, _KEY)
    if suffix in _SEPARATED:
        reading = read_separated(local, place, name, delimiter=how.delimiter, encoding=how.encoding)
    elif suffix in _LINES:
        reading = read_lines(local, place, name, encoding=how.encoding)
    elif suffix in _PARQUET:
        reading = read_parquet(local, place, name)
    else:
        reading = read_workbook(local, place, name, sheet=how.sheet)
    reading.found.update({"file": place, "format": suffix[1:], **reading.found})
    return reading
