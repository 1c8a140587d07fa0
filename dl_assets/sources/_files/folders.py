"""A folder as a tree: on this machine with one look at each file, elsewhere with what fsspec lists."""

import os
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from stat import S_ISDIR
from urllib.parse import unquote

from dl_assets.errors import ConfigError, DataError
from dl_assets.outages import is_outage
from dl_assets.sources._files.ahead import Ahead
from dl_assets.sources._files.places import cannot_read, filesystem, is_url, is_web, missing, read_local, stamp_of
from dl_assets.sources._files.tree import Entry, Tree, holds_litter, is_litter, require_files, require_utf8

_FOLDER = "folder"  # in place of a version


def folder_tree(place: str, key: str) -> Tree:
    """List every file below a folder, sorted by its path. Follows links, but not in circles.

    Raises DataError where the folder is missing, empty, no folder, or not to be read.
    """
    return require_files(_remote(place, key) if is_url(place) else _local(place, key))


# ---- this machine ----------------------------------------------------------------------------------------------


def _local(place: str, key: str) -> Tree:
    root = Path(place)
    if not root.exists():
        raise DataError(
            f"{key}: {root} does not exist (looked in {Path.cwd()}). Put a folder there that holds "
            f"one folder of files for each class, or correct {key}."
        )
    if not root.is_dir():
        raise DataError(
            f"{key}: {root} is a file, but must be a folder that holds one folder of files for each class. "
            f"If it is a zip or tar archive of such a folder, write: source: {{kind: archive, path: {root}}}."
        )
    walk = _Walk(key)
    walk.enter(str(root))
    files, versions = walk.files, walk.versions

    def at(index: int) -> Entry:
        path = f"{root}/{files[index]}"
        return Entry(files[index], partial(read_local, path, key), versions[index], path)

    return Tree(place, key, files, walk.skipped, lambda: map(at, range(len(files))), at, versions)


@dataclass
class _Walk:
    """What was found below a folder: files with their versions, sorted as the lists of their names would be."""

    key: str
    files: list[str] = field(default_factory=list)
    versions: list[str | None] = field(default_factory=list)
    skipped: int = 0

    def enter(
        self, directory: str, above: str = "", ancestors: tuple[tuple[int, int], ...] = (), in_litter: bool = False
    ) -> None:
        here, names, looks = _look(directory, self.key)
        if here in ancestors:
            raise DataError(f"{self.key}: {directory} is a link to a folder that it lies in. Remove the link.")
        if not "".join(names).isascii():
            for name in names:
                require_utf8(f"{directory}/{name}", self.key)
        is_tidy = not (in_litter or holds_litter(names))
        for name, version in zip(names, looks, strict=True):
            litter = not is_tidy and (in_litter or is_litter(name))
            if version is _FOLDER:
                self.enter(f"{directory}/{name}", f"{above}{name}/", (*ancestors, here), litter)
            elif litter:
                self.skipped += 1
            else:
                self.files.append(above + name)
                self.versions.append(version)


def _look(directory: str, key: str) -> tuple[tuple[int, int], list[str], list[str | None]]:
    """Return which folder this is, the sorted names of what is in it, and the version of each."""
    try:
        folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            status = os.fstat(folder)
            names = sorted(os.listdir(folder))  # noqa: PTH208 - by its number, and no file of it is followed from the root
            looks = [_version(name, folder) for name in names]
        finally:
            os.close(folder)
    except OSError as error:
        raise DataError(
            f"{key}: the folder {directory} cannot be read ({error.strerror}). "
            "Give yourself the right to read it, or move it away."
        ) from error
    return (status.st_dev, status.st_ino), names, looks


def _version(name: str, folder: int) -> str | None:
    """Return the version of a file, or _FOLDER; none of a broken link, among others: reading it tells why."""
    try:
        status = os.stat(name, dir_fd=folder)
    except OSError:
        return None
    return _FOLDER if S_ISDIR(status.st_mode) else f"{status.st_size}-{status.st_mtime_ns}"


# ---- elsewhere -------------------------------------------------------------------------------------------------


def _remote(place: str, key: str) -> Tree:
    system, base = filesystem(place, key)
    try:
        found = system.find(base, detail=True)
    except ConfigError:
        raise
    except Exception as error:  # each file system raises errors of its own
        if isinstance(error, FileNotFoundError) and not is_outage(error):
            raise missing(place, key) from None
        raise cannot_read(place, key, error) from error
    base, web = base.rstrip("/"), is_web(place)
    infos = {path: info for path, info in sorted(found.items()) if path.startswith(f"{base}/")}
    if web:  # a server's page of a folder also links to itself, sorted otherwise
        infos = {path: info for path, info in infos.items() if not set(path) & set("?#")}
    if found and not infos:
        raise DataError(
            f"{key}: {place} is a file, but must be a folder. "
            f"If it is a zip or tar archive, write: source: {{kind: archive, path: '{place}'}}."
        )
    ahead = Ahead(system, list(infos), [info.get("size") for info in infos.values()], key)
    entries, skipped = [], 0
    for index, (path, info) in enumerate(infos.items()):
        inner = path.removeprefix(f"{base}/")
        origin = unquote(inner) if web else inner
        location = path if web else system.unstrip_protocol(path)
        if any(map(is_litter, origin.split("/"))):
            skipped += 1
        else:
            entries.append(Entry(origin, partial(ahead.read, index), stamp_of(info), location))
    entries.sort(key=lambda entry: entry.origin.split("/"))
    files = [entry.origin for entry in entries]
    return Tree(place, key, files, skipped, lambda: iter(entries), entries.__getitem__, [entry.version for entry in entries])
