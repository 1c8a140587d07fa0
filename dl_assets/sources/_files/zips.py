"""Zip archives, read member by member through their directory."""

import lzma
import struct
import zlib
from collections.abc import Iterator
from functools import partial
from stat import S_ISLNK
from zipfile import BadZipFile, ZipFile, ZipInfo

from dl_assets.artifacts.rejection import Rejection
from dl_assets.errors import DataError
from dl_assets.outages import is_outage
from dl_assets.sources._files.members import member, require_unique
from dl_assets.sources._files.places import cannot_read, open_file, require_size
from dl_assets.sources._files.tree import Entry, Names, Tree, is_litter

_ENCRYPTED = 0x1
_UTF8 = 0x800
_BROKEN = (BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, NotImplementedError, ValueError)


def zip_tree(place: str, key: str, below: Names) -> Tree:
    files: list[tuple[ZipInfo, str]] = []
    skipped = 0
    for info, names in _members(place, key):
        if names[: len(below)] != below:
            continue
        if any(map(is_litter, names)):
            skipped += 1
        else:
            files.append((info, "/".join(names)))
    return Tree(place, key, [origin for _, origin in files], skipped, lambda: _entries(place, key, files))


def _members(place: str, key: str) -> list[tuple[ZipInfo, Names]]:
    """Return the files; folders are left out."""
    with open_file(place, key) as file:
        try:
            infos = ZipFile(file).infolist()
        except (*_BROKEN, OSError) as error:
            if is_outage(error):
                raise cannot_read(place, key, error) from error
            raise DataError(
                f"{key}: {place} is a broken zip archive ({_said(error)}): cut off while it was copied or downloaded? Get it "
                "again. From a web server that cannot send parts of a file, use kind: download."
            ) from error
    encrypted = next((info.filename for info in infos if info.flag_bits & _ENCRYPTED), None)
    if encrypted is not None:
        raise DataError(
            f"{key}: {place} is encrypted ('{encrypted}' needs a password). Unpack it and pack it anew without one."
        )
    members = [(info, member(_name(info), place, key)) for info in infos if not _name(info).endswith("/")]
    require_unique((names for _, names in members), place, key)
    return members


def _name(info: ZipInfo) -> str:
    """Undo two habits of packers: UTF-8 that is not marked as such (macOS), and backslashes (Windows)."""
    name = info.filename
    if not info.flag_bits & _UTF8 and not name.isascii():
        try:
            name = name.encode("cp437").decode("utf-8")
        except UnicodeError:
            name = info.filename
    return name.replace("\\", "/")


def _entries(place: str, key: str, files: list[tuple[ZipInfo, str]]) -> Iterator[Entry]:
    with open_file(place, key) as file, ZipFile(file) as archive:
        for info, origin in files:
            yield Entry(origin, partial(_read, archive, info, place, key), f"{info.file_size}-{info.CRC:08x}")


def _read(archive: ZipFile, info: ZipInfo, place: str, key: str) -> bytes:
    """Return one member's bytes. Raises Rejection where they are broken: the other members are not."""
    if S_ISLNK(info.external_attr >> 16):
        raise Rejection("unreadable", "a link inside an archive, which is not followed; pack the file itself")
    require_size(info.file_size)
    try:
        return archive.read(info)
    except _BROKEN as error:
        raise Rejection("unreadable", f"broken in the archive: {_said(error)}") from error
    except OSError as error:
        raise cannot_read(f"{place} ({info.filename})", key, error) from error


def _said(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
