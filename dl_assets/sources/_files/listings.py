"""A table that somebody wrote of the files and what they show: CSV, TSV, JSON lines or Parquet."""

from io import BytesIO
from pathlib import PurePosixPath

import polars as pl

from dl_assets.errors import ConfigError, DataError
from dl_assets.problems import choose
from dl_assets.sources._files.places import cannot_read, open_file

_LINES = (".jsonl", ".ndjson")
_PARQUET = (".parquet", ".pq")
_TABS = (".tsv", ".tab")
LISTING_SUFFIXES = (".csv", *_TABS, *_LINES, *_PARQUET)


def suffix_of(place: str) -> str:
    return PurePosixPath(place.partition("?")[0].lower()).suffix


def read_listing(place: str, key: str) -> pl.DataFrame:
    """Read a table; the columns of CSV and TSV stay text.

    Raises ConfigError for another suffix, DataError for a file that is missing, broken or empty.
    """
    suffix = suffix_of(place)
    if suffix not in LISTING_SUFFIXES:
        raise ConfigError(f"{key}: {place} must end in one of {', '.join(LISTING_SUFFIXES)}. Rename it, or correct {key}.")
    with open_file(place, key) as file:
        try:
            content = file.read()
        except Exception as error:  # each file system raises errors of its own
            raise cannot_read(place, key, error) from error
    try:
        listing = _parse(content, suffix)
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        said = " ".join(str(error).split())
        raise DataError(f"{key}: {place} cannot be read as {suffix[1:]} in UTF-8 ({said[:300]}). Mend it.") from error
    if listing.is_empty():
        raise DataError(f"{key}: {place} lists no files.")
    return listing


def _parse(content: bytes, suffix: str) -> pl.DataFrame:
    if suffix in _PARQUET:
        return pl.read_parquet(BytesIO(content))
    content.decode("utf-8")  # polars says less of where it is not
    if suffix in _LINES:
        return pl.read_ndjson(BytesIO(content), infer_schema_length=None)
    header = content.split(b"\n", 1)[0]
    commas = ";" if b";" in header and b"," not in header else ","
    return pl.read_csv(BytesIO(content), separator="\t" if suffix in _TABS else commas, infer_schema=False)


def require_columns(listing: pl.DataFrame, place: str, wanted: dict[str, str | None]) -> None:
    """Raise ConfigError for the first of the options (option -> column) whose column is not there."""
    for option, column in wanted.items():
        if column is not None and column not in listing.columns:
            known = choose(column, listing.columns).replace("Allowed", "Its columns")
            raise ConfigError(f"source.{option}: {place} has no column '{column}'{known}")
