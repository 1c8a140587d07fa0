"""Files whose names say what they show, such as `cat.123.jpg`, in a folder or an archive."""

import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, Field

from dl_assets.artifacts.raw import RawSample, Source
from dl_assets.errors import ConfigError, DataError
from dl_assets.problems import choose
from dl_assets.sources._files.archives import archive_tree, is_archive_name
from dl_assets.sources._files.folders import folder_tree
from dl_assets.sources._files.places import watchable
from dl_assets.sources._files.tree import Entry, Tree, source
from dl_assets.sources._files.values import part_of, time_of

_GROUPS = ("target", "group", "time", "part")


def _pattern(text: str) -> str:
    try:
        groups = re.compile(text).groupindex
    except re.error as error:
        raise ValueError(f"is not a regular expression ({error}). Put it in single quotes") from None
    for name in groups:
        if name not in _GROUPS:
            raise ValueError(f"has a group '{name}'{choose(name, _GROUPS)}")
    if "target" not in groups:
        raise ValueError("has no group `(?P<target>...)` for what is learnt, as in '^(?P<target>cat|dog)[.]'")
    return text


Pattern = Annotated[
    str,
    AfterValidator(_pattern),
    Field(description="regular expression with the named group target, and perhaps group, time and part"),
]


def filename(
    *,
    path: Annotated[str, Field(description="folder, zip or tar file, or the URL of one")],
    pattern: Pattern,
    unlabelled: Annotated[str | None, Field(description="folder or archive of files without target, to predict")] = None,
    licence: str = "not stated",
) -> Source:
    """Yield every file below `path`; its target is what the group `target` of the pattern finds in its name.

    The pattern is searched in the file's name; with a `/` in it, in the path below `path`. A file in whose name it is not
    found has no target. Raises DataError where it is found in none, where all have one target, and for a time or part
    that cannot be understood.
    """
    tree = _tree(path, "source.path")
    found = [_find(pattern, origin) for origin in tree.files]
    _require_targets(tree, pattern, {match["target"] for match in found if match})
    samples = (_sample(entry, match, tree) for entry, match in zip(tree.entries(), found, strict=True))
    return source(tree, samples, kind="filename", uri=path, licence=licence)


def watched(*, path: str, pattern: str, unlabelled: str | None = None, licence: str = "not stated") -> tuple[str, ...]:
    """Return the labelled files' place: nothing is learnt from the others."""
    return watchable(path)


def places(*, path: str, pattern: str, unlabelled: str | None = None, licence: str = "not stated") -> tuple[str, ...]:
    return (path,)


def unlabelled(*, path: str, pattern: str, unlabelled: str | None = None, licence: str = "not stated") -> Iterator[RawSample]:
    """Yield the files that are to be predicted, in the order of their names, without target."""
    if unlabelled is None:
        raise ConfigError("source.unlabelled is not set. Add the folder or archive of the files that are to be predicted.")
    tree = _tree(unlabelled, "source.unlabelled")
    return (RawSample(entry.origin, entry.read, version=entry.version, location=entry.location) for entry in tree.entries())


def _tree(place: str, key: str) -> Tree:
    return archive_tree(place, key) if is_archive_name(place) else folder_tree(place, key)


def _find(pattern: str, origin: str) -> re.Match[str] | None:
    return re.search(pattern, origin if "/" in pattern else origin.rpartition("/")[-1])


def _require_targets(tree: Tree, pattern: str, targets: set[str | None]) -> None:
    targets -= {None, ""}
    if len(targets) >= 2:
        return
    examples = ", ".join(tree.files[:3])
    found = f"finds the target '{targets.pop()}' only" if targets else f"fits none of the {len(tree.files)} files"
    raise DataError(
        f"source.pattern: '{pattern}' {found}. Names in {tree.place}, for example: {examples}. Correct the pattern."
    )


def _sample(entry: Entry, match: re.Match[str] | None, tree: Tree) -> RawSample:
    values = {name: value for name, value in match.groupdict().items() if value} if match else {}
    try:
        time = time_of(values.get("time"))
        part = part_of(values["part"]) if "part" in values else None
    except ValueError as error:
        raise DataError(f"source.pattern: {tree.place}/{entry.origin}: {error}. Correct the pattern or the name.") from None
    return RawSample(
        entry.origin,
        entry.read,
        values.get("target"),
        values.get("group"),
        time,
        part,
        entry.version,
        entry.location,
    )
