"""A zip or tar archive of class folders, on this machine or behind a URL, read without unpacking it."""

from typing import Annotated

from pydantic import Field

from dl_assets.artifacts.raw import Source
from dl_assets.sources._files.archives import archive_tree
from dl_assets.sources._files.layout import Parts, labelled, lone_folder
from dl_assets.sources._files.members import split
from dl_assets.sources._files.places import watchable
from dl_assets.sources._files.tree import source


def archive(
    *,
    path: Annotated[str, Field(description="zip or tar file (.gz, .bz2, .xz), or its URL")],
    inside: Annotated[str, Field(description="folder in the archive that holds the class folders")] = "",
    parts: Annotated[Parts, Field(description="none: folders called train, val and test are classes like any other")] = "auto",
    licence: str = "not stated",
) -> Source:
    """Yield the files of a zip or tar archive in its own order; the target is the first folder, as with `kind: folder`.

    A single folder around everything does not count. A member that is broken, too large or a link is rejected when it is
    read. Raises DataError where the archive itself is broken, encrypted, empty, holds one name twice, or a path that
    leaves it.
    """
    tree = archive_tree(path, "source.path", inside)
    above = len(split(inside)) if inside else lone_folder(tree, 0)
    samples = labelled(tree, parts, above, advise=lambda names: f"inside: {'/'.join(names)}")
    return source(tree, samples, kind="archive", uri=path, licence=licence)


def watched(*, path: str, inside: str = "", parts: Parts = "auto", licence: str = "not stated") -> tuple[str, ...]:
    return watchable(path)


def places(*, path: str, inside: str = "", parts: Parts = "auto", licence: str = "not stated") -> tuple[str, ...]:
    return (path,)
