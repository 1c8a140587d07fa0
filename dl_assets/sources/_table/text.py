"""The text of a file in any encoding, as UTF-8."""

import codecs
from collections.abc import Iterator
from pathlib import Path

from dl_assets.errors import ConfigError, DataError

BLOCK = 2**23
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NOT_IN_CP1252 = b"\x81\x8d\x8f\x90\x9d"
_CONTROLS = bytes([*range(9), *range(14, 27), *range(28, 32)])
_MAX_CONTROLS, _FEW = 0.01, 8  # share and number; a text has none, or a stray one


def find_encoding(path: Path, place: str, encoding: str) -> tuple[str, bool]:
    """Return the encoding and whether a byte order mark stands before the text. `auto` reads the whole file.

    Without a mark it is UTF-8 where every byte fits, else Windows' superset of latin-1, else latin-1, which fits any bytes.
    Raises DataError where this is no text, ConfigError for an encoding that nobody knows.
    """
    with path.open("rb") as file:
        head = file.read(2**16)
    marked = next((name for mark, name in _BYTE_ORDER_MARKS if head.startswith(mark)), None)
    if encoding != "auto":
        _require_known(encoding)
        return encoding, marked is not None
    if not marked:
        _require_text(head, place)
    return marked or _unmarked(path), marked is not None


def _unmarked(path: Path) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")()
    odd = set[int]()
    encoding = "utf-8"
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            odd.update(byte for byte in _NOT_IN_CP1252 if byte in block)
            if encoding == "utf-8":
                try:
                    decoder.decode(block)
                except UnicodeDecodeError:
                    encoding = "cp1252"
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        encoding = "cp1252"
    return "latin-1" if encoding == "cp1252" and odd else encoding


def _require_known(encoding: str) -> None:
    try:
        "".encode(encoding)
    except LookupError:
        raise ConfigError(
            f"source.encoding: '{encoding}' is no encoding. Write auto, utf-8, utf-16, cp1252 or latin-1."
        ) from None


def _require_text(head: bytes, place: str) -> None:
    num_controls = len(head) - len(head.translate(None, _CONTROLS))
    zeros = head.count(0) > len(head) / 4
    if zeros or num_controls > max(_FEW, _MAX_CONTROLS * len(head)):
        remedy = "If it is UTF-16 without a byte order mark, write encoding: utf-16-le" if zeros else "Unpack it"
        raise DataError(
            f"source.path: {place} is no text: {num_controls:,} of its first {len(head):,} bytes are control characters. "
            f"{remedy}, or give it the ending of what it is, such as .xlsx, .parquet or .csv.gz."
        )


def texts(path: Path, place: str, encoding: str, num_bytes: int = BLOCK) -> Iterator[str]:
    """Yield the text without a byte order mark, `num_bytes` at a time. Raises DataError for bytes that do not fit."""
    decoder = codecs.getincrementaldecoder(encoding)()
    done = 0
    with path.open("rb") as file:
        while True:
            block = file.read(num_bytes)
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                raise DataError(
                    f"source.encoding: {place} is not in {encoding}: {error.reason} after byte {done:,} or later. "
                    "Leave source.encoding away, and it is detected; or write what it is, such as cp1252."
                ) from error
            if text:
                yield text if done else text.removeprefix("\ufeff")
            if not block:
                return
            done += len(block)
