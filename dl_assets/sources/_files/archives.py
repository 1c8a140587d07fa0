"""A zip or tar archive as a tree, read without unpacking it to the disk."""

from pathlib import PurePosixPath

from dl_assets.errors import DataError
from dl_assets.sources._files.members import split
from dl_assets.sources._files.places import open_file
from dl_assets.sources._files.tars import tar_tree
from dl_assets.sources._files.tree import Tree, require_files
from dl_assets.sources._files.zips import zip_tree

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_MAGIC = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
)
_FOREIGN = ((b"Rar!", "a RAR"), (b"7z\xbc\xaf\x27\x1c", "a 7z"), (b"\x28\xb5\x2f\xfd", "a zstd"))


def is_archive_name(place: str) -> bool:
    """Say whether a path or URL is named like an archive.

    >>> is_archive_name("a/train.TAR.gz"), is_archive_name("https://host/x.zip?download=1"), is_archive_name("photos")
    (True, True, False)
    """
    return place.partition("?")[0].lower().endswith(ARCHIVE_SUFFIXES)


def archive_tree(place: str, key: str, inside: str = "") -> Tree:
    """List the files of a zip or tar archive in the order of its members; with `inside`, those below that folder.

    Raises DataError where the archive is missing, broken, encrypted or empty, where a member's path leaves it, and
    where two members have one name.
    """
    kind = _kind(place, key)
    below = split(inside)
    tree = zip_tree(place, key, below) if kind == "zip" else tar_tree(place, key, kind, below)
    if below and not tree.files:
        raise DataError(f"{key}: {place} has nothing below '{inside}'. Correct source.inside.")
    return require_files(tree)


def _kind(place: str, key: str) -> str:
    """Tell the format by the first bytes: archives are often misnamed."""
    with open_file(place, key) as file:
        start = file.read(512)
    if not start:
        raise DataError(f"{key}: {place} is empty (0 bytes). Copy or download it again.")
    for magic, kind in _MAGIC:
        if start.startswith(magic):
            return kind
    for magic, name in _FOREIGN:
        if start.startswith(magic):
            raise DataError(f"{key}: {place} is {name} archive; only zip and tar are read. Pack the files anew as zip.")
    if start[257:262] == b"ustar" or is_archive_name(place):  # the oldest tar files are not marked
        return "zip" if PurePosixPath(place.partition("?")[0].lower()).suffix == ".zip" else "tar"
    raise DataError(f"{key}: {place} is no zip or tar archive (it starts with {start[:16]!r}). Correct {key}.")
