"""A folder, on this machine or behind a URL, that holds one folder of files for each class."""

from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import Field

from dl_assets.artifacts.raw import Source
from dl_assets.sources._files.folders import folder_tree
from dl_assets.sources._files.layout import Parts, find_layout
from dl_assets.sources._files.places import is_url, join, watchable
from dl_assets.sources._files.tree import Names, source


def folder(
    *,
    path: Annotated[str, Field(description="folder or URL; a path is relative to the working directory")],
    parts: Annotated[Parts, Field(description="none: folders called train, val and test are classes like any other")] = "auto",
    licence: str = "not stated",
) -> Source:
    """Yield every file below `path` in the order of its name; its target is the first folder on the way to it.

    Where the first folders are `train`, `test` and perhaps `val`, and hold the class folders, they are the parts. A file
    outside of any class has no target. Raises DataError where there are not two classes or a folder cannot be read.
    """
    tree = folder_tree(path if is_url(path) else str(Path(path)), "source.path")
    layout = find_layout(tree, parts, advise=lambda names: _advice(path, names))
    return source(tree, layout.samples(tree), partial(layout.listing, tree), kind="folder", uri=path, licence=licence)


def watched(*, path: str, parts: Parts = "auto", licence: str = "not stated") -> tuple[str, ...]:
    return watchable(path)


def places(*, path: str, parts: Parts = "auto", licence: str = "not stated") -> tuple[str, ...]:
    return (path,)


def _advice(path: str, names: Names) -> str:
    return f"source: {{kind: folder, path: {join(path, '/'.join(names))}}}"
