"""A folder as a tree: on this machine with one look at each file, elsewhere with what fsspec lists."""

import os
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from pathlib import Path
from stat import S_ISDIR
from urllib.parse import unquote

from dl_assets.errors import ConfigError, DataError
from dl_assets.outages import is_outage
from dl_assets.sources._files.ahead import Ahead
from dl_assets.sources._files.places import cannot_read, filesystem, is_url, is_web, missing, read_local, stamp_of
from dl_assets.sources._files.tree import Entry, Tree, is_litter, require_files, require_utf8


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
        here, items = _look(directory, self.key)
        if here in ancestors:
            raise DataError(f"{self.key}: {directory} is a link to a folder that it lies in. Remove the link.")
        for name, version, is_folder in items:
            if not name.isascii():
                require_utf8(f"{directory}/{name}", self.key)
            litter = in_litter or is_litter(name)
            if is_folder:
                self.enter(f"{directory}/{name}", f"{above}{name}/", (*ancestors, here), litter)
            elif litter:
                self.skipped += 1
            else:
                self.files.append(above + name)
                self.versions.append(version)


def _look(directory: str, key: str) -> tuple[tuple[int, int], list[tuple[str, str | None, bool]]]:
    """Return which folder this is, and what is in it: name, version and whether it is a folder, sorted by name."""
    try:
        folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            status = os.fstat(folder)
            with os.scandir(folder) as items:  # through its number, no file's path is followed from the root
                # One at a time: an item keeps its status for as long as it lives.
                found = sorted(map(_version, items), key=itemgetter(0))
        finally:
            os.close(folder)
    except OSError as error:
        raise DataError(
            f"{key}: the folder {directory} cannot be read ({error.strerror}). "
            "Give yourself the right to read it, or move it away."
        ) from error
    return (status.st_dev, status.st_ino), found


def _version(item: "os.DirEntry[str]") -> tuple[str, str | None, bool]:
    """Return name, version and whether it is a folder; no version for a broken link, among others: reading it tells why."""
    try:
        status = item.stat()
    except OSError:
        return item.name, None, False
    return item.name, f"{status.st_size}-{status.st_mtime_ns}", S_ISDIR(status.st_mode)


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
