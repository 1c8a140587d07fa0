"""The names of an archive's members, none of which is trusted."""

import re
from collections.abc import Iterable

from dl_assets.errors import DataError
from dl_assets.sources._files.tree import Names, require_utf8


def member(name: str, place: str, key: str) -> Names:
    """Return the folders and the name of an archive's member. Raises DataError for one that leaves the archive."""
    require_utf8(f"{place}/{name}", key)
    if name.startswith("/") or re.match("[A-Za-z]:", name) or ".." in name.split("/") or "\0" in name:
        raise DataError(
            f"{key}: {place} holds '{name}', a path that leaves the archive. "
            "Nothing was read: do not trust this archive, or pack it anew."
        )
    return split(name)


def split(path: str) -> Names:
    return tuple(name for name in path.split("/") if name not in ("", "."))


def require_unique(files: Iterable[Names], place: str, key: str) -> None:
    seen: set[Names] = set()
    for names in files:
        if names in seen:
            raise DataError(
                f"{key}: {place} holds '{'/'.join(names)}' twice, and which of the two is meant cannot be told. Pack it anew."
            )
        seen.add(names)
