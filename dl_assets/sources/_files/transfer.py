"""Fetches one file over http, however often the connection breaks, and keeps it under its own hash."""

import fcntl
import hashlib
import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dl_assets import progress
from dl_assets.errors import DataError, Outage
from dl_assets.outages import is_outage
from dl_assets.sources._files.archives import ARCHIVE_SUFFIXES

DOWNLOADS = Path("data/incoming/.downloads")
_ATTEMPTS = 5  # in a row that bring nothing new
_TIMEOUT_SECONDS = 60
_PIECE = 2**20


class _CutOff(ConnectionError):
    """The connection ended before the file did."""


def fetch(url: str, sha256: str | None, folder: Path = DOWNLOADS) -> Path:
    """Return the file behind `url` as `<folder>/<sha256><suffix>`; fetch it only where it is not there yet.

    What is fetched goes to a file named after the URL first, and a later call goes on where this one broke off. Without
    `sha256` whatever comes is taken. Raises Outage where the server does not answer, DataError where it does not have the file
    or sends other content; such a file stays in `folder` under its own hash. Two processes at once take turns.
    """
    folder.mkdir(parents=True, exist_ok=True)
    suffix = next((end for end in ARCHIVE_SUFFIXES if urlsplit(url).path.lower().endswith(end)), "")
    partial = folder / f"{hashlib.blake2b(url.encode(), digest_size=8).hexdigest()}.part"
    with _turn(partial.with_suffix(".lock")):
        if sha256 and _is_intact(folder / f"{sha256}{suffix}", sha256):
            return folder / f"{sha256}{suffix}"
        if sha256 is None:
            partial.unlink(missing_ok=True)  # only a hash can tell that the old beginning fits the new rest
        return _fetched(url, sha256, partial, suffix)


def _fetched(url: str, sha256: str | None, partial: Path, suffix: str) -> Path:
    transfer = _Transfer(url, partial, verified=sha256 is not None)
    transfer.run()
    found = _hash(partial)
    if sha256 and found != sha256 and transfer.resumed:
        partial.unlink()  # its beginning may be of an older version of the file
        transfer.run()
        found = _hash(partial)
    kept = partial.with_name(f"{found}{suffix}")
    partial.replace(kept)
    if sha256 and found != sha256:
        raise DataError(
            f"source.sha256: {url} has the hash {found}, not {sha256}. Compare with what its publisher says: if that is the "
            f"hash that was found, write it as source.sha256; else do not use the file (it was set aside as {kept})."
        )
    return kept


# ---- one transfer ----------------------------------------------------------------------------------------------


class _Transfer:
    """One file over as many connections as it takes.

    `verified` says that a hash will tell whether a beginning and a rest fit; otherwise only the server's word does, that
    the file has not changed between two connections.
    """

    def __init__(self, url: str, partial: Path, verified: bool) -> None:
        self._url, self._partial, self._verified = url, partial, verified
        self._validator: str | None = None
        self.resumed = False

    def run(self) -> None:
        """Write the whole file. Raises Outage or DataError after several connections in a row that brought nothing."""
        failures = 0
        while True:
            before = self._size()
            try:
                return self._connect()
            except (OSError, http.client.HTTPException) as error:  # an HTTPError and a _CutOff are OSErrors
                problem = error
            failures = 0 if self._size() > before else failures + 1
            if failures == _ATTEMPTS:
                raise _gives_up(self._url, f"{problem}; tried {_ATTEMPTS} times", problem) from problem
            if failures:
                time.sleep(0.1 * 4 ** (failures - 1))

    def _connect(self) -> None:
        """Go on where the last connection ended. Raises DataError where another try is of no use."""
        if not (self._verified or self._validator):
            self._partial.unlink(missing_ok=True)
        try:
            with urllib.request.urlopen(self._request(), timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310 - http(s) only
                self._validator = _validator(answer.headers)
                self._receive(answer)
        except urllib.error.HTTPError as error:
            if error.code == 416:
                if error.headers.get("Content-Range") == f"bytes */{self._size()}":
                    return  # there is no more to send
                self._partial.unlink(missing_ok=True)
            elif not is_outage(error):
                raise _gives_up(self._url, f"the server answers {error.code} {error.reason}", error) from error
            raise

    def _request(self) -> urllib.request.Request:
        headers = {"User-Agent": "dl-assets", "Accept-Encoding": "identity"}
        if size := self._size():
            headers["Range"] = f"bytes={size}-"
            if self._validator:
                headers["If-Range"] = self._validator  # a file that has changed since then comes whole
        return urllib.request.Request(self._url, headers=headers)  # noqa: S310 - http(s) only

    def _receive(self, answer: Any) -> None:
        """Append what is sent; from the beginning where the server sends the whole file."""
        done = self._size() if answer.status == 206 else 0
        if answer.status == 206 and not answer.headers.get("Content-Range", "").startswith(f"bytes {done}-"):
            self._partial.unlink(missing_ok=True)
            raise _CutOff("the server sent another part of the file than it was asked for")
        self.resumed = self.resumed or answer.status == 206
        length = answer.headers.get("Content-Length")
        total = done + int(length) if length else None
        told = time.monotonic()
        with self._partial.open("ab" if answer.status == 206 else "wb") as file:
            while piece := answer.read1(_PIECE):
                file.write(piece)
                done += len(piece)
                if time.monotonic() - told >= 1:
                    progress.report(done=done, total=total or 0, what="bytes downloaded")
                    told = time.monotonic()
        if total is not None and done < total:
            raise _CutOff(f"the connection ended after {done:,} of {total:,} bytes")

    def _size(self) -> int:
        return self._partial.stat().st_size if self._partial.exists() else 0


def _validator(headers: Any) -> str | None:
    """Return what names this version of the file exactly; a weak ETag does not."""
    tag: str | None = headers.get("ETag")
    return tag if tag and not tag.startswith("W/") else headers.get("Last-Modified")


def _gives_up(url: str, why: str, problem: Exception) -> DataError | Outage:
    kind = Outage if is_outage(problem) else DataError
    return kind(
        f"source.url: {url} cannot be downloaded: {why}. Check the address and the network; the next run goes on from here."
    )


# ---- the file on disk ------------------------------------------------------------------------------------------


@contextmanager
def _turn(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _is_intact(path: Path, sha256: str) -> bool:
    return path.exists() and _hash(path) == sha256


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
