"""Tar archives, plain or compressed by gzip, bzip2 or xz, read as a stream from their first member to their last."""

import bz2
import gzip
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import IO, Any

from dl_assets.artifacts.rejection import Rejection
from dl_assets.errors import DataError, Outage
from dl_assets.outages import is_outage
from dl_assets.sources._files.members import member, require_unique
from dl_assets.sources._files.places import cannot_read, open_file, require_size, stamp
from dl_assets.sources._files.tree import Entry, Names, Tree, is_litter

_PLAIN: dict[str, Callable[[IO[bytes]], Any]] = {
    "gzip": lambda file: gzip.GzipFile(fileobj=file),
    "bzip2": bz2.BZ2File,
    "xz": lzma.LZMAFile,
    "tar": lambda file: file,
}
_BROKEN = (tarfile.TarError, EOFError, OSError, zlib.error, lzma.LZMAError, ValueError)
_PIECE = 2**20


class _StrictInfo(tarfile.TarInfo):
    """Tells of a broken header in the middle, where tarfile itself ends as if that were the end of the archive."""

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> "_StrictInfo":
        try:
            return super().fromtarfile(tar)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise tarfile.StreamError(str(error)) from error


def tar_tree(place: str, key: str, kind: str, below: Names) -> Tree:
    version = stamp(place, key)
    listing = _kept_files if version else _files
    found = [names for names in listing(place, key, kind, version) if names[: len(below)] == below]
    files = ["/".join(names) for names in found if not any(map(is_litter, names))]
    return Tree(place, key, files, len(found) - len(files), lambda: _entries(place, key, kind, set(files), version))


def _files(place: str, key: str, kind: str, version: str | None) -> list[Names]:
    """List all files, which means to read the archive once to its end; its checksums are verified on the way."""
    with _stream(place, key, kind) as (archive, plain):
        files = [member(info.name, place, key) for info in archive if not info.isdir()]
        while plain.read(_PIECE):
            pass
    require_unique(files, place, key)
    return files


# A compressed archive has no directory: describing it and reading it must not cost two passes more than one.
_kept_files = lru_cache(maxsize=2)(_files)


def _entries(place: str, key: str, kind: str, wanted: set[str], version: str | None) -> Iterator[Entry]:
    with _stream(place, key, kind) as (archive, _):
        for info in archive:
            origin = "/".join(member(info.name, place, key))
            if origin in wanted and not info.isdir():
                yield Entry(origin, partial(_read, archive, info, place, key), version)


@contextmanager
def _stream(place: str, key: str, kind: str) -> Iterator[tuple[tarfile.TarFile, IO[bytes]]]:
    try:
        with (
            open_file(place, key) as file,
            _PLAIN[kind](file) as plain,
            tarfile.open(fileobj=plain, mode="r|", tarinfo=_StrictInfo, bufsize=_PIECE) as archive,
        ):
            yield archive, plain
    except _BROKEN as error:
        raise _broken(place, key, error) from error


def _broken(place: str, key: str, error: Exception) -> DataError | Outage:
    if is_outage(error):
        return cannot_read(place, key, error)
    return DataError(
        f"{key}: {place} is a broken tar archive ({' '.join(str(error).split()) or type(error).__name__}): cut off "
        "while it was copied or downloaded? Get it again."
    )


def _read(archive: tarfile.TarFile, info: tarfile.TarInfo, place: str, key: str) -> bytes:
    """Return the bytes of the member that the stream is at. Raises Rejection for a link or a device."""
    if not info.isreg():
        what = "a link" if info.issym() or info.islnk() else "a device"
        raise Rejection("unreadable", f"{what} inside an archive, which is not followed; pack the file itself")
    require_size(info.size)
    try:
        file = archive.extractfile(info)
        assert file is not None
        return file.read()
    except _BROKEN as error:
        raise _broken(place, key, error) from error
