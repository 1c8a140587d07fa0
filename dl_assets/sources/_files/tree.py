"""A tree of files, wherever it lies: what is in it, in a fixed order, and how each file is read."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dl_assets.artifacts.raw import RawSample, Source
from dl_assets.errors import DataError

# What file managers and archivers leave behind; names that begin with a dot are left out as well.
LITTER = {"thumbs.db", "desktop.ini", "__macosx", "@eadir"}

Names = tuple[str, ...]  # the folders on the way to a file, then its own name


@dataclass(frozen=True)
class Entry:
    """One file; the fields mean what those of RawSample mean."""

    names: Names
    read: Callable[[], bytes]
    version: str | None = None
    location: str | None = None

    @property
    def origin(self) -> str:
        return "/".join(self.names)


@dataclass(frozen=True)
class Tree:
    """`files` are the names of all entries in their order; `skipped` counts what was left out as litter.

    `entries()` may be called again, and an entry is read before the next one is asked for: a tar archive is a stream.
    """

    place: str
    key: str
    files: Sequence[Names]
    skipped: int
    entries: Callable[[], Iterator[Entry]]


def source(tree: Tree, samples: Iterator[RawSample], **description: Any) -> Source:
    return Source({**description, "num_samples": len(tree.files), "skipped_files": tree.skipped}, samples)


def is_litter(name: str) -> bool:
    return name.startswith(".") or name.lower() in LITTER


def require_files(tree: Tree) -> Tree:
    if not tree.files:
        raise DataError(f"{tree.key}: {tree.place} holds no files. Put the data into it, or correct {tree.key}.")
    return tree


def require_utf8(path: str, key: str) -> None:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        shown = path.encode("utf-8", "backslashreplace").decode()
        raise DataError(f"{key}: the name of {shown} is not valid UTF-8. Rename it.") from None
