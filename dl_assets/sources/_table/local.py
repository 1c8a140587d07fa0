"""Brings a table to where it can be read from any place, twice: a remote or compressed one into a temporary file."""

import gzip
import shutil
import tempfile
import weakref
import zlib
from pathlib import Path, PurePosixPath
from typing import IO

from dl_assets.errors import DataError
from dl_assets.sources._files.listings import suffix_of
from dl_assets.sources._files.places import cannot_read, is_url, open_file

_GZIP = ".gz"


class Local:
    """A file at `path`; a temporary one is there as long as this object."""

    def __init__(self, path: Path, *, is_temporary: bool = False) -> None:
        self.path = path
        if is_temporary:
            weakref.finalize(self, path.unlink, missing_ok=True)


def format_of(place: str) -> str:
    """Return the suffix that says what is in the file.

    >>> format_of("https://host/People.CSV.gz?token=1")
    '.csv'
    """
    suffix = suffix_of(place)
    return PurePosixPath(place.partition("?")[0].lower().removesuffix(_GZIP)).suffix if suffix == _GZIP else suffix


def bring(place: str, key: str) -> Local:
    """Return the file behind a path or URL, unpacked. Raises DataError where it is missing or broken."""
    is_packed = suffix_of(place) == _GZIP
    with open_file(place, key) as file:
        if not (is_packed or is_url(place)):
            return Local(Path(place))
        with tempfile.NamedTemporaryFile(prefix="dl-table-", suffix=format_of(place), delete=False) as target:
            local = Local(Path(target.name), is_temporary=True)
            _copy(file, target, place, key, is_packed)
    return local


def _copy(file: IO[bytes], target: IO[bytes], place: str, key: str, is_packed: bool) -> None:
    try:
        shutil.copyfileobj(gzip.GzipFile(fileobj=file) if is_packed else file, target, 2**20)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{key}: {place} is no intact gzip file ({error}). Fetch or pack it again.") from error
    except Exception as error:  # each file system raises errors of its own
        raise cannot_read(place, key, error) from error
