"""A tree of files, wherever it lies: what is in it, in a fixed order, and how each file is read."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import polars as pl

from dl_assets.artifacts.raw import Listing, RawSample, Source
from dl_assets.errors import DataError

# What file managers and archivers leave behind; names that begin with a dot are left out as well.
LITTER = {"thumbs.db", "desktop.ini", "__macosx", "@eadir"}

Names = tuple[str, ...]  # the folders on the way to a file, then its own name


class Entry(NamedTuple):
    """One file; the fields mean what those of RawSample mean."""

    origin: str
    read: Callable[[], bytes]
    version: str | None = None
    location: str | None = None


@dataclass(frozen=True)
class Tree:
    """`files` are the origins of all entries in their order; `skipped` counts what was left out as litter.

    `at` returns the entry of a place in `files`, where entries can be read in any order; else it is None.

    `entries()` may be called again, and an entry is read before the next one is asked for: a tar archive is a stream.
    """

    place: str
    key: str
    files: list[str]
    skipped: int
    entries: Callable[[], Iterator[Entry]]
    at: Callable[[int], Entry] | None = None
    versions: list[str | None] = field(default_factory=list)  # where there is `at`

    @cached_property
    def folders(self) -> set[Names]:
        """Every folder in which there are files, as the names on the way to it; asked for several times."""
        return {tuple(folder.split("/")) if folder else () for folder in self.folder_of_each.unique()}

    @cached_property
    def folder_of_each(self) -> pl.Series:
        """The folder of every file, empty at the top: `folder_of` of all of them at once."""
        return pl.Series(self.files, dtype=pl.String).str.replace(r"/?[^/]*$", "")


def folder_of(origin: str) -> str:
    """Return where a file lies.

    >>> folder_of("train/cat/1.jpg"), folder_of("1.jpg")
    ('train/cat', '')
    """
    return origin.rpartition("/")[0]


def source(
    tree: Tree, samples: Iterator[RawSample], listing: Callable[[], Listing] | None = None, **description: Any
) -> Source:
    return Source({**description, "num_samples": len(tree.files), "skipped_files": tree.skipped}, samples, listing)


def is_litter(name: str) -> bool:
    return name.startswith(".") or name.lower() in LITTER


def holds_litter(names: list[str]) -> bool:
    """Whether any of them may be litter; to ask for each costs more than to read what they are all joined to."""
    joined = "\n".join(["", *names, ""]).lower()
    return "\n." in joined or any(f"\n{name}\n" in joined for name in LITTER)


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
