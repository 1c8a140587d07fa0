"""A place is a path or a URL. Local paths are read by Python itself, everything else by fsspec."""

import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, cast
from urllib.parse import quote

from dl_assets.artifacts.rejection import Rejection
from dl_assets.errors import ConfigError, DataError, Outage
from dl_assets.outages import is_outage

MAX_BYTES = 2**30  # one sample is held in memory; no photo is larger, a film or a zip bomb is
_EXTRAS = {"s3": "s3", "s3a": "s3"}
# Whatever changes when a remote file changes, under the names that the file systems of fsspec give it.
_STAMPS = ("ETag", "etag", "md5Hash", "content_md5", "checksum", "LastModified", "last_modified", "mtime", "created")


def is_url(place: str) -> bool:
    return "://" in place


def is_web(place: str) -> bool:
    return place.startswith(("http://", "https://"))


def watchable(*places: str) -> tuple[str, ...]:
    """Return the places that DVC can watch: of a web server it would ask for an ETag, which many do not give."""
    return tuple(place for place in places if not is_web(place))


def join(root: str, relative: str) -> str:
    """Return the place of a file below (or, for an absolute path or a URL, beside) `root`.

    >>> join("photos", "./cat/1.jpg"), join("s3://bucket/photos/", "cat/1.jpg"), join("photos", "/mnt/1.jpg")
    ('photos/cat/1.jpg', 's3://bucket/photos/cat/1.jpg', '/mnt/1.jpg')
    """
    if is_url(relative):
        return relative
    if not is_url(root):
        return posixpath.normpath(posixpath.join(root, relative))
    quoted = quote(relative) if is_web(root) else relative
    return f"{root.rstrip('/')}/{posixpath.normpath(quoted).lstrip('/')}"


def parent(place: str) -> str:
    """Return the folder that a file lies in.

    >>> parent("labels.csv"), parent("s3://bucket/labels.csv"), parent("https://host/a/labels.csv?token=x/y")
    ('.', 's3://bucket', 'https://host/a')
    """
    if is_url(place):
        return place.partition("?")[0].rpartition("/")[0]
    return str(Path(place).parent)


def filesystem(place: str, key: str) -> tuple[Any, str]:
    """Return fsspec's file system of a URL and the path in it. Raises ConfigError that says what must be installed."""
    import fsspec

    protocol = place.partition("://")[0]
    try:
        return cast(tuple[Any, str], fsspec.core.url_to_fs(place))
    except ImportError as error:
        extra = _EXTRAS.get(protocol)
        remedy = f"Run: pip install 'dl-assets[{extra}]'" if extra else f"{error}."
        raise ConfigError(f"{key}: {place} needs a package for {protocol}:// that is not installed. {remedy}") from error
    except ValueError as error:
        raise ConfigError(
            f"{key}: {place} cannot be opened ({error}). Use a path, s3://, https:// or another protocol that fsspec knows."
        ) from error


def open_file(place: str, key: str) -> IO[bytes]:
    """Open a file to read. Raises DataError where it is missing or may not be read."""
    try:
        if not is_url(place):
            return Path(place).open("rb")
        system, path = filesystem(place, key)
        return cast(IO[bytes], system.open(path, "rb"))
    except FileNotFoundError as error:
        raise _missing_or_away(place, key, error) from None
    except ConfigError:
        raise
    except Exception as error:  # each file system raises errors of its own
        raise cannot_read(place, key, error) from error


def stamp(place: str, key: str) -> str | None:
    """Return what changes when the file changes, or None where nothing tells. Raises DataError where it is missing."""
    try:
        if not is_url(place):
            status = Path(place).stat()
            return f"{status.st_size}-{status.st_mtime_ns}"
        system, path = filesystem(place, key)
        return stamp_of(system.info(path))
    except FileNotFoundError as error:
        raise _missing_or_away(place, key, error) from None
    except ConfigError:
        raise
    except Exception as error:  # as above
        raise cannot_read(place, key, error) from error


def stamp_of(info: Mapping[str, Any]) -> str | None:
    found = next((info[name] for name in _STAMPS if info.get(name)), None)
    return None if found is None else f"{info.get('size')}-{str(found).strip(chr(34))}"


def read_local(path: str, key: str) -> bytes:
    """Read a file. Raises DataError where that is impossible, and Rejection where it is too large for a sample."""
    file = Path(path)
    if file.is_symlink() and not file.exists():
        raise DataError(f"{key}: {path} is a broken link to {file.readlink()}. Mend or remove it.")
    if file.exists() and not file.is_file():
        raise DataError(f"{key}: {path} is neither a file nor a folder (a pipe, a socket or a device?). Remove it.")
    try:
        require_size(file.stat().st_size)
        return file.read_bytes()
    except OSError as error:
        raise cannot_read(path, key, error) from error


def require_size(size: int) -> None:
    """Raise Rejection for more bytes than one sample may have."""
    if size > MAX_BYTES:
        raise Rejection("unreadable", f"{size:,} bytes (at most {MAX_BYTES:,} are read as one sample)")


def missing(place: str, key: str) -> DataError:
    looked = "" if is_url(place) or Path(place).is_absolute() else f" (looked in {Path.cwd()})"
    return DataError(f"{key}: {place} does not exist{looked}. Put the data there, or correct {key}.")


def _missing_or_away(place: str, key: str, error: FileNotFoundError) -> DataError | Outage:
    """Of a server that does not answer, fsspec says as well that the file is not there."""
    return cannot_read(place, key, error) if is_outage(error) else missing(place, key)


def cannot_read(place: str, key: str, error: Exception) -> DataError | Outage:
    """Return what to raise: an Outage where another try may do, after which Dagster makes one."""
    told = error.__cause__ if isinstance(error, FileNotFoundError) and error.__cause__ else error
    reason = getattr(told, "strerror", None) or " ".join(str(told).split()) or type(told).__name__
    if is_outage(error):
        return Outage(f"{key}: {place} does not answer ({reason}). Run it again later, or check the address and the network.")
    remedy = (
        "Check the address, the network and your right to read it."
        if is_url(place)
        else "Give yourself the right to read it, or move it away."
    )
    return DataError(f"{key}: {place} cannot be read ({reason}). {remedy}")
