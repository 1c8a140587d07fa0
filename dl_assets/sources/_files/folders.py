"""A folder as a tree: on this machine with one look at each file, elsewhere with what fsspec lists."""

import os
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from stat import S_ISDIR
from typing import overload
from urllib.parse import unquote

from dl_assets.errors import ConfigError, DataError
from dl_assets.sources._files.ahead import Ahead
from dl_assets.sources._files.places import cannot_read, filesystem, is_url, is_web, read_local, stamp_of
from dl_assets.sources._files.tree import Entry, Names, Tree, is_litter, require_files, require_utf8


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
    version_of, skipped = {}, 0
    for file, version, litter in _walk(str(root), "", (), False, key):
        if litter:
            skipped += 1
        else:
            version_of[file] = version
    files = sorted(version_of, key=lambda file: file.replace("/", "\0"))  # as the lists of their names would be

    def entries() -> Iterator[Entry]:
        for file in files:
            path = f"{root}/{file}"
            yield Entry(tuple(file.split("/")), partial(read_local, path, key), version_of[file], path)

    return Tree(place, key, _Names(files), skipped, entries)


class _Names(Sequence[Names]):
    """The names of files, made when they are asked for: as tuples they would take three times the room."""

    def __init__(self, files: list[str]) -> None:
        self._files = files

    def __len__(self) -> int:
        return len(self._files)

    @overload
    def __getitem__(self, index: int) -> Names: ...
    @overload
    def __getitem__(self, index: slice) -> list[Names]: ...
    def __getitem__(self, index: int | slice) -> Names | list[Names]:
        if isinstance(index, slice):
            return [tuple(file.split("/")) for file in self._files[index]]
        return tuple(self._files[index].split("/"))


def _walk(
    directory: str, above: str, ancestors: tuple[tuple[int, int], ...], in_litter: bool, key: str
) -> Iterator[tuple[str, str | None, bool]]:
    """Yield (file below the root, its version, whether it is litter)."""
    try:
        status = Path(directory).stat()
        items = os.scandir(directory)
    except OSError as error:
        raise DataError(
            f"{key}: the folder {directory} cannot be read ({error.strerror}). "
            "Give yourself the right to read it, or move it away."
        ) from error
    here = (status.st_dev, status.st_ino)
    if here in ancestors:
        raise DataError(f"{key}: {directory} is a link to a folder that it lies in. Remove the link.")
    with items:
        for item in items:  # one at a time: an entry keeps its status for as long as it lives
            require_utf8(item.path, key)
            litter = in_litter or is_litter(item.name)
            found = _status(item)
            if found and S_ISDIR(found.st_mode):
                yield from _walk(item.path, f"{above}{item.name}/", (*ancestors, here), litter, key)
            else:
                yield f"{above}{item.name}", f"{found.st_size}-{found.st_mtime_ns}" if found else None, litter


def _status(item: "os.DirEntry[str]") -> os.stat_result | None:
    """None for a broken link, among others: reading it tells why."""
    try:
        return item.stat()
    except OSError:
        return None


# ---- elsewhere -------------------------------------------------------------------------------------------------


def _remote(place: str, key: str) -> Tree:
    system, base = filesystem(place, key)
    try:
        found = system.find(base, detail=True)
    except ConfigError:
        raise
    except FileNotFoundError:
        raise DataError(f"{key}: {place} does not exist. Put the data there, or correct {key}.") from None
    except Exception as error:  # each file system raises errors of its own
        raise cannot_read(place, key, error) from error
    base, web = base.rstrip("/"), is_web(place)
    files = {path: info for path, info in sorted(found.items()) if path.startswith(f"{base}/")}
    if web:  # a server's page of a folder also links to itself, sorted otherwise
        files = {path: info for path, info in files.items() if not set(path) & set("?#")}
    if found and not files:
        raise DataError(
            f"{key}: {place} is a file, but must be a folder. "
            f"If it is a zip or tar archive, write: source: {{kind: archive, path: '{place}'}}."
        )
    ahead = Ahead(system, list(files), [info.get("size") for info in files.values()], key)
    entries, skipped = [], 0
    for index, (path, info) in enumerate(files.items()):
        inner = path.removeprefix(f"{base}/")
        names = tuple((unquote(inner) if web else inner).split("/"))
        location = path if web else system.unstrip_protocol(path)
        if any(map(is_litter, names)):
            skipped += 1
        else:
            entries.append(Entry(names, partial(ahead.read, index), stamp_of(info), location))
    entries.sort(key=lambda entry: entry.names)
    return Tree(place, key, [entry.names for entry in entries], skipped, lambda: iter(entries))
