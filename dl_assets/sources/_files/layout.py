"""Class folders, also inside part folders: what the place of a file in its tree says of it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import polars as pl

from dl_assets.artifacts.raw import Listing, RawSample
from dl_assets.errors import DataError
from dl_assets.sources._files.tree import Entry, Names, Tree, folder_of
from dl_assets.sources._files.values import PART_OF

Parts = Literal["auto", "none"]
_LISTED = {"origin": pl.String, "target": pl.String, "part": pl.String, "version": pl.String}


@dataclass(frozen=True)
class Layout:
    """`above` counts the folders above the class folders, or above the part folders where there are such."""

    above: int
    in_parts: bool

    def part(self, folder: Names) -> str | None:
        """Return the part of the files in a folder."""
        return PART_OF.get(folder[self.above].lower()) if self.in_parts and len(folder) > self.above else None

    def target(self, folder: Names) -> str | None:
        """Return the name of the class folder; None for a folder that lies in none."""
        index = self.above + self.in_parts
        return folder[index] if len(folder) > index else None

    def samples(self, tree: Tree) -> Iterator[RawSample]:
        return self._told(tree, tree.entries())

    def listing(self, tree: Tree) -> Listing:
        found = [("/".join(folder), self.target(folder), self.part(folder)) for folder in tree.folders]
        told = pl.DataFrame(found, schema={"folder": pl.String, "target": pl.String, "part": pl.String}, orient="row")
        files = pl.DataFrame({"origin": tree.files, "version": tree.versions, "folder": tree.folder_of_each})
        table = files.join(told, on="folder", maintain_order="left").select(
            pl.col(name).cast(kind) for name, kind in _LISTED.items()
        )
        at = tree.at
        assert at is not None, "only what can be read in any order is listed"
        return Listing(table, lambda rows: self._told(tree, map(at, rows)))

    def _told(self, tree: Tree, entries: Iterable[Entry]) -> Iterator[RawSample]:
        known = self._known(tree)
        for origin, read, version, location in entries:
            target, part = known[folder_of(origin)]
            yield RawSample(origin, read, target, part=part, version=version, location=location)

    def _known(self, tree: Tree) -> dict[str, tuple[str | None, str | None]]:
        """Return target and part of the files in each folder."""
        return {"/".join(folder): (self.target(folder), self.part(folder)) for folder in tree.folders}


def labelled(tree: Tree, parts: Parts, above: int = 0, advise: Callable[[Names], str] | None = None) -> Iterator[RawSample]:
    """Return the samples of a tree of class folders, below `above` folders. Raises DataError where that is not what it is.

    `advise` says what to write in the YAML where the classes lie below these folders.
    """
    return find_layout(tree, parts, above, advise).samples(tree)


def find_layout(tree: Tree, parts: Parts, above: int = 0, advise: Callable[[Names], str] | None = None) -> Layout:
    in_parts = parts == "auto" and _are_parts(tree, above)
    layout = Layout(above, in_parts)
    classes = sorted({target for folder in tree.folders if (target := layout.target(folder)) is not None})
    if len(classes) < 2:
        raise _too_few(tree, layout, classes, advise)
    return layout


def lone_folder(tree: Tree, above: int) -> int:
    """Count one folder more where everything lies in a single one, as in most archives, and the classes are inside it."""
    folders = tree.folders
    top = {folder[above] for folder in folders if len(folder) > above}
    inner = {folder[above + 1] for folder in folders if len(folder) > above + 1}
    return above + 1 if len(top) == 1 and len(inner) > 1 else above


def _are_parts(tree: Tree, above: int) -> bool:
    """Say whether the top folders are called train, val and test. Raises DataError where they are and hold no classes."""
    folders = tree.folders
    top = {folder[above] for folder in folders if len(folder) > above}
    words = {PART_OF.get(name.lower()) for name in top}
    if None in words or len(words) < 2 or "train" not in words:
        return False
    with_classes = {folder[above] for folder in folders if len(folder) > above + 1}
    without = sorted(top - with_classes)
    if without:
        raise DataError(
            f"{tree.key}: {tree.place} has the folders {', '.join(sorted(top))}, but no class folders in {', '.join(without)}. "
            "If these are classes, write parts: none. If the target is in the files' names, use kind: filename, which also "
            "takes an unlabelled folder. Otherwise move the files into class folders, or elsewhere."
        )
    return True


def _too_few(tree: Tree, layout: Layout, classes: list[str], advise: Callable[[Names], str] | None) -> DataError:
    outside = sum(layout.target(tuple(origin.split("/")[:-1])) is None for origin in tree.files)
    return DataError(
        f"{tree.key}: {tree.place} must hold one folder per class and at least two of them with files; found "
        f"{len(classes)}{f' ({classes[0]})' if classes else ''} and {outside} files outside of any."
        f"{_hint(tree, advise) if advise else ''}"
    )


def _hint(tree: Tree, advise: Callable[[Names], str]) -> str:
    """Say what to write where the folders become several only further down."""
    way: Names = ()
    folders = tree.folders
    while True:
        depth = len(way)
        inner = sorted({folder[depth] for folder in folders if len(folder) > depth and folder[:depth] == way})
        if len(inner) != 1:
            break
        way = (*way, *inner)
    return f" If {', '.join(inner[:5])} are the classes, write: {advise(way)}." if way and inner else ""
