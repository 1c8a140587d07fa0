"""Files that somebody listed one by one, here or behind URLs, whether they are there or not."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from dl_assets.artifacts.rejection import Rejection
from dl_assets.errors import DataError
from dl_assets.sources._files.ahead import Ahead
from dl_assets.sources._files.places import filesystem, is_url, read_local

Reader = tuple[Callable[[], bytes], str | None]


def readers(places: list[str], listing: str, key: str) -> list[Reader]:
    """Return how to read each place, and its version where it is on this machine.

    A missing file is told when it is read, as a Rejection; raises DataError where none is there.
    """
    remote = dict(_remote(places, key))
    found = [remote.get(index) or _local(place, key) for index, place in enumerate(places)]
    if not remote and all(version is None for _, version in found):
        raise DataError(
            f"source.root: none of the {len(places)} files in {listing} is there; the first would be {places[0]}. "
            "Set source.root to the folder that they are relative to (and source.suffix if the names lack .jpg or the like)."
        )
    return found


def _local(place: str, key: str) -> Reader:
    try:
        status = Path(place).stat()
    except OSError:
        return partial(_read, place, key), None
    return partial(_read, place, key), f"{status.st_size}-{status.st_mtime_ns}"


def _read(place: str, key: str) -> bytes:
    if not Path(place).exists():
        raise Rejection("unreadable", f"the file does not exist: {place}")
    return read_local(place, key)


def _remote(places: list[str], key: str) -> Iterator[tuple[int, Reader]]:
    """Files of one protocol are read in batches. Asking for each one's version would be as slow as reading it."""
    kinds: dict[str, list[int]] = {}
    for index, place in enumerate(places):
        if is_url(place):
            kinds.setdefault(place.partition("://")[0], []).append(index)
    for indices in kinds.values():
        system, _ = filesystem(places[indices[0]], key)
        ahead = Ahead(system, [system._strip_protocol(places[index]) for index in indices], [None] * len(indices), key)
        yield from ((index, (partial(ahead.read, position), None)) for position, index in enumerate(indices))
