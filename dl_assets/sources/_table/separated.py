"""CSV and TSV: blocks of text are read by polars where it can be trusted, else with care. No cell ever changes its column."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from dl_assets.errors import DataError
from dl_assets.sources._table.careful import Record, read_records
from dl_assets.sources._table.dialect import Dialect, find_dialect
from dl_assets.sources._table.local import Local
from dl_assets.sources._table.names import column_names
from dl_assets.sources._table.reading import Portion, Reading, portions_of, spread
from dl_assets.sources._table.records import Records, find_records
from dl_assets.sources._table.text import BLOCK, find_encoding, texts

_MAX_RECORD = 2**26  # bytes
_PER_COLUMN = 2**12  # bytes of a block: what polars does costs by the column where there are thousands
_CAREFULLY = 2**20  # bytes that are read with care at once
_NUL = "a NUL byte is in this row"


def read_separated(local: Local, place: str, name: str, *, delimiter: str, encoding: str) -> Reading:
    """Read a file whose first row holds the names of its columns."""
    found_encoding, has_mark = find_encoding(local.path, place, encoding)
    dialect = find_dialect(next(texts(local.path, place, found_encoding), ""), place, delimiter)
    columns, made_up = column_names(dialect.header, place)
    found: dict[str, Any] = {"encoding": found_encoding, "delimiter": dialect.delimiter}
    found |= {"byte_order_mark": True} if has_mark else {}
    found |= {"columns_without_name": made_up} if made_up else {}

    def portions() -> Iterator[Portion]:
        for cells, problem in _blocks(local.path, place, found_encoding, dialect, columns):
            yield from portions_of(cells, problem)

    return Reading(name, columns, None, found, portions)


def _blocks(path: Path, place: str, encoding: str, dialect: Dialect, columns: list[str]) -> Iterator[Portion]:
    rest = b""
    skip = dialect.begin
    num_bytes = max(BLOCK, len(columns) * _PER_COLUMN)
    for text in chain(texts(path, place, encoding, num_bytes), [None]):
        plain = (text or "").replace("\r", "\n") if dialect.has_old_lines else text or ""
        block = rest + plain[skip:].encode()
        skip = 0
        is_last = text is None
        if is_last and block and not block.endswith(b"\n"):
            block += b"\n"
        used = None
        while block and used != 0:
            portion, used = _take(block, dialect.delimiter, columns, is_last)
            block = block[used:]
            if len(portion.problem):
                yield portion
        rest = block
        if len(rest) > _MAX_RECORD:
            raise DataError(f"source.path: a row of {place} is longer than {_MAX_RECORD:,} bytes. Is it a table at all?")


def _take(block: bytes, delimiter: str, columns: list[str], is_last: bool) -> tuple[Portion, int]:
    """Return rows from the begin of a block, and how many of its bytes they take: none where no row is complete."""
    records = find_records(block, delimiter)
    used = int(records.ends[-1]) + 1 if records and len(records.ends) else 0
    if records and not (is_last and used < len(block)):  # at the end, something is left only where a quote is not closed
        portion = _fast(block, records, delimiter, columns)
        if portion:
            return portion, used
    piece = block[: block.rfind(b"\n", 0, _CAREFULLY) + 1] or block  # behind it the quotes may be right again
    text = piece.decode()
    found, num_characters = read_records(text, delimiter, is_last=is_last and len(piece) == len(block))
    return _careful(found, columns), len(text[:num_characters].encode())


def _fast(block: bytes, records: Records, delimiter: str, columns: list[str]) -> Portion | None:
    """Read the rows that have the right number of fields by polars; None where it does not find as many of them."""
    width = len(columns)
    is_good = (records.num_fields == width) & ~records.is_blank & ~records.has_nul
    cells = _parse(_pick(block, records, is_good), delimiter, columns)
    if cells is None or len(cells) != is_good.sum():
        return None
    is_row = ~records.is_blank
    if is_good.sum() == is_row.sum():
        return Portion(cells, pl.repeat(None, len(cells), dtype=pl.String, eager=True))
    problems = [
        None if good else _NUL if nul else _ragged(num_fields, width)
        for good, nul, num_fields in zip(is_good[is_row], records.has_nul[is_row], records.num_fields[is_row], strict=True)
    ]
    return Portion(spread(cells, pl.Series(is_good[is_row])), pl.Series(problems, dtype=pl.String))


def _pick(block: bytes, records: Records, is_good: "np.typing.NDArray[np.bool_]") -> bytes:
    """Return the bytes of the good records; those that follow each other are copied at once."""
    if is_good.all():
        return block[: records.ends[-1] + 1] if len(is_good) else b""
    edges = np.flatnonzero(np.diff(is_good, prepend=False, append=False)).reshape(-1, 2)
    return b"".join(block[records.starts[first] : records.ends[last - 1] + 1] for first, last in edges)


def _parse(content: bytes, delimiter: str, columns: list[str]) -> pl.DataFrame | None:
    schema = dict.fromkeys(columns, pl.String)
    if not content:
        return pl.DataFrame(schema=schema)
    try:
        return pl.read_csv(content, has_header=False, schema=schema, separator=delimiter, infer_schema=False, quote_char='"')
    except pl.exceptions.PolarsError:
        return None


def _careful(records: list[Record], columns: list[str]) -> Portion:
    width = len(columns)
    problems = [_problem(record, width) for record in records]
    rows = [record for record, problem in zip(records, problems, strict=True) if problem is None]
    texts = zip(*rows, strict=True) if rows else ([] for _ in columns)
    cells = pl.DataFrame([pl.Series(name, values, pl.String) for name, values in zip(columns, texts, strict=True)])
    problem = pl.Series(problems, dtype=pl.String)
    return Portion(spread(cells, problem.is_null()), problem)


def _problem(record: Record, width: int) -> str | None:
    if isinstance(record, str):
        return record
    if len(record) != width:
        return _ragged(len(record), width)
    return _NUL if any("\0" in field for field in record) else None


def _ragged(num_fields: int, width: int) -> str:
    return f"{num_fields} field{'' if num_fields == 1 else 's'} where the header has {width}"
