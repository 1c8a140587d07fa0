"""How a text holds a table: which characters stand between cells and between rows, and the names in its first row."""

from dataclasses import dataclass

from dl_assets.errors import ConfigError, DataError
from dl_assets.sources._table.careful import Record, read_records

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
_HEAD = 2**18  # characters in which the delimiter is looked for


@dataclass(frozen=True)
class Dialect:
    """`begin` is the number of characters up to the end of the header; `has_old_lines`: a lone \\r ends a line."""

    delimiter: str
    header: list[str]
    begin: int
    has_old_lines: bool


def find_dialect(text: str, place: str, delimiter: str) -> Dialect:
    """Look at the beginning of a file. Raises ConfigError where no delimiter splits its header, or not the one given."""
    has_old_lines = "\r" in text and "\n" not in text
    text = text.replace("\r", "\n") if has_old_lines else text
    if not text.strip():
        raise DataError(f"source.path: {place} is empty. Put a table there whose first row holds the names of its columns.")
    detected = max(DELIMITERS.values(), key=lambda mark: _fit(text[:_HEAD], mark))
    chosen = detected if delimiter == "auto" else DELIMITERS.get(delimiter, delimiter)
    if len(chosen) != 1 or not chosen.isascii() or chosen in '"\r\n':
        raise ConfigError(
            f"source.delimiter: '{delimiter}' is none. Write auto, one ASCII character, or {', '.join(DELIMITERS)}."
        )
    header, begin = _header(text, chosen, place)
    if len(header) < 2:
        _refuse(text, place, chosen if delimiter != "auto" else None, detected)
    return Dialect(chosen, header, begin, has_old_lines)


def _fit(head: str, delimiter: str) -> tuple[float, int]:
    """Return the share of the first rows that have as many fields as the header, and how many."""
    records = read_records(head, delimiter, is_last=len(head) < _HEAD)[0][:500]
    width = _width(records[0]) if records else 0
    if width < 2:
        return 0.0, 0
    return round(sum(_width(record) == width for record in records) / len(records), 1), width


def _width(record: Record) -> int:
    return 0 if isinstance(record, str) else len(record)


def _header(text: str, delimiter: str, place: str) -> tuple[list[str], int]:
    """Return the names and where the first row begins. A name may hold a line break, so lines are added until it ends."""
    end = -1
    while True:
        end = text.find("\n", end + 1)
        stop = end + 1 if end >= 0 else len(text)
        records, _ = read_records(text[:stop], delimiter, is_last=end < 0)
        if records and not isinstance(records[0], str):
            return records[0], stop
        if end < 0 or records:
            raise DataError(f"source.path: the header of {place} cannot be read: {records[0]}. Mend its quotes.")


def _refuse(text: str, place: str, given: str | None, detected: str) -> None:
    line = next(line for line in text.split("\n") if line.strip())
    name = next(name for name, mark in DELIMITERS.items() if mark == detected)
    if given is not None and detected != given and detected in line:
        remedy = f"It seems to be separated by '{name}': write delimiter: {name}, or leave the option away."
    else:
        remedy = "A table needs the target and one column more; if another character separates them, write it as delimiter."
    what = f"no '{given}'" if given else f"no {', '.join(DELIMITERS)}"
    raise ConfigError(f"source.delimiter: the first row of {place} has {what} in it: '{line.strip()[:80]}'. {remedy}")
