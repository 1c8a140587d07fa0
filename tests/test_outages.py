"""What is worth another try, met as the packages themselves raise it."""

import errno
import socket
import ssl
import urllib.error
import urllib.request
from http.client import HTTPMessage, IncompleteRead, InvalidURL
from pathlib import Path

import pytest
from web import Web
from workspace import free_port

from dl_assets.errors import DataError, Outage
from dl_assets.outages import is_outage
from dl_assets.sources._files.places import open_file
from dl_assets.sources._table.database import tables_of
from dl_assets.sources._table.local import bring


def answered(status: int) -> urllib.error.HTTPError:
    return urllib.error.HTTPError("http://127.0.0.1", status, "", HTTPMessage(), None)


@pytest.mark.parametrize(
    "error",
    [
        *map(answered, (408, 425, 429, 500, 502, 503, 504)),
        urllib.error.URLError(ConnectionRefusedError()),
        urllib.error.URLError(socket.gaierror(socket.EAI_AGAIN, "try again")),
        IncompleteRead(b""),
        TimeoutError(),
        OSError(errno.ENETUNREACH, "unreachable"),
    ],
    ids=repr,
)
def test_a_server_that_is_away_or_busy_is_an_outage(error: Exception) -> None:
    assert is_outage(error)


@pytest.mark.parametrize(
    "error",
    [
        *map(answered, (400, 401, 403, 404, 410)),
        urllib.error.URLError(socket.gaierror(socket.EAI_NONAME, "no such name")),
        urllib.error.URLError(ssl.SSLCertVerificationError()),
        InvalidURL("a b"),
        OSError(errno.ENOSPC, "full"),
        PermissionError(errno.EACCES, "no right"),
        MemoryError(),
        ValueError("nan"),
    ],
    ids=repr,
)
def test_what_would_end_the_same_is_none(error: Exception) -> None:
    assert not is_outage(error)


def test_the_error_that_another_came_from_counts_and_one_that_was_set_aside_does_not() -> None:
    def wrapped(error: Exception, *, aside: bool) -> Exception:
        try:
            try:
                raise error
            except OSError as cause:
                if aside:
                    raise ValueError from None
                raise ValueError from cause
        except ValueError as found:
            return found

    assert is_outage(wrapped(ConnectionResetError(), aside=False))
    assert not is_outage(wrapped(ConnectionResetError(), aside=True))


@pytest.mark.parametrize("state", ["08006", "53300", "57P03"])
def test_a_database_that_starts_or_is_full_is_an_outage(state: str) -> None:
    assert is_outage(Exception({"S": "FATAL", "C": state}))  # as pg8000 tells it
    assert not is_outage(Exception({"S": "ERROR", "C": "42P01"}))  # no such table


def test_a_file_behind_a_server_that_is_away_or_busy_is_an_outage_and_one_that_is_missing_is_not(tmp_path: Path) -> None:
    web = Web(tmp_path)
    (tmp_path / "a.csv").write_text("a")
    try:
        web.statuses = [503] * 3
        with pytest.raises(Outage, match=r"source\.path: http://.*/a\.csv does not answer \(.*503.*\)\. Run it again later"):
            bring(f"{web.url}/a.csv", "source.path")
        web.statuses = []
        with pytest.raises(DataError, match="does not exist"):
            bring(f"{web.url}/b.csv", "source.path")
    finally:
        web.close()
    with pytest.raises(Outage, match="does not answer"):
        bring(f"{web.url}/a.csv", "source.path")


def test_a_database_that_is_away_is_an_outage_told_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "secret")
    with pytest.raises(Outage, match="does not answer now") as caught:
        tables_of(f"postgresql+pg8000://me:${{PASSWORD}}@127.0.0.1:{free_port()}/shop")
    assert "secret" not in str(caught.value)


def test_s3_that_is_away_is_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("s3fs")
    for name, value in {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_MAX_ATTEMPTS": "1"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(Outage, match=r"s3://bucket/a\.csv does not answer"):
        open_file("s3://bucket/a.csv", "source.path")
