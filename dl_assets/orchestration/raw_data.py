"""What raw data looks like from outside: a stamp that changes when a file does, and no file is read for it."""

import http.client
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from dl_assets.errors import DataError
from dl_assets.sources._files.folders import folder_tree
from dl_assets.sources._files.places import cannot_read, filesystem, is_url, is_web, missing, stamp, stamp_of

_KEY = "source"
_TIMEOUT_SECONDS = 10  # Dagster gives a sensor a minute in all


class Look(NamedTuple):
    """`num_bytes` counts what is on this machine."""

    stamp: str
    num_bytes: int


def look(places: Sequence[str], root: Path) -> Look:
    """Look at files, folders and URLs. Raises DataError where one is missing, Outage where one does not answer."""
    digest, num_bytes = blake2b(digest_size=16), 0
    for place in places:
        for name, version in _versions(place, root):
            digest.update(f"{name}\n{version}\n".encode(errors="surrogateescape"))
            num_bytes += 0 if is_url(place) or version is None else int(version.partition("-")[0])
    return Look(digest.hexdigest(), num_bytes)


def _versions(place: str, root: Path) -> Iterable[tuple[str, str | None]]:
    """Return the files of a place, each with what changes when it changes."""
    if is_web(place):
        return [(place, _ask(place))]
    if is_url(place):
        return _remote(place)
    path = root / place
    if not path.is_dir():
        return [(place, stamp(str(path), _KEY))]
    tree = folder_tree(str(path), _KEY)
    return zip(tree.files, tree.versions, strict=True)


def _remote(place: str) -> Iterator[tuple[str, str | None]]:
    system, path = filesystem(place, _KEY)
    try:
        found = system.find(path, detail=True)
    except Exception as error:  # each file system raises errors of its own
        raise cannot_read(place, _KEY, error) from error
    if not found:
        raise missing(place, _KEY)
    return ((name, stamp_of(info) or str(info.get("size"))) for name, info in sorted(found.items()))


def _ask(url: str) -> str:
    """Ask a web server for what identifies a file, without fetching it."""
    request = urllib.request.Request(url, method="HEAD", headers={"User-Agent": "dl-assets"})  # noqa: S310 - http(s) only
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
            headers = answer.headers
    except urllib.error.HTTPError as error:
        raise cannot_read(url, _KEY, OSError(f"the server answers {error.code} {error.reason}")) from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise cannot_read(url, _KEY, error) from error
    found = (headers.get("ETag") or headers.get("Last-Modified"), headers.get("Content-Length"))
    if not any(found):
        raise DataError(
            f"{_KEY}: the server says of {url} neither ETag, Last-Modified nor length, so that no change can be seen. "
            "Give the section schedule a cron instead of new_data."
        )
    return f"{found[0]}-{found[1]}"
