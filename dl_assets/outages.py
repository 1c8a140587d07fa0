"""Tells what may be over in a minute, such as a server that restarts, from what stays wrong until somebody mends it."""

import errno
import http.client
import socket
from collections.abc import Iterator

# Worth another try, as is every answer from 500 on: request timeout, too early, too many requests.
_STATUSES = {408, 425, 429}
_NUMBERS = {
    errno.ECONNREFUSED,
    errno.ECONNRESET,
    errno.ECONNABORTED,
    errno.EPIPE,
    errno.ETIMEDOUT,
    errno.ENETUNREACH,
    errno.ENETDOWN,
    errno.EHOSTUNREACH,
    errno.EHOSTDOWN,
}
# Errors of packages that may not be installed, by package and class.
_NAMES = {
    "aiohttp.ClientPayloadError",
    "aiohttp.ServerConnectionError",
    "botocore.ConnectionClosedError",
    "botocore.ConnectTimeoutError",
    "botocore.EndpointConnectionError",
    "botocore.ReadTimeoutError",
    "httpx2.RemoteProtocolError",
    "httpx2.TimeoutException",
}
# A connection that failed, a server that starts, stops or has no room, as PostgreSQL and the SQL standard number them.
_SQL_STATES = ("08", "53", "57P01", "57P02", "57P03")


def is_outage(error: BaseException) -> bool:
    """Whether the error, or one that it came from, is a refused, broken or late connection, or a server that is busy or broken.

    A name that no server has, a certificate, a missing right and a full disk are none: another try would end the same.
    """
    return any(map(_is_one, _causes(error)))


def _is_one(error: BaseException) -> bool:
    if isinstance(error, socket.gaierror):
        return error.errno == socket.EAI_AGAIN
    if isinstance(error, TimeoutError | ConnectionError | http.client.IncompleteRead | http.client.BadStatusLine):
        return True
    if isinstance(error, OSError) and error.errno in _NUMBERS:
        return True
    names = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(error).__mro__}
    return bool(names & _NAMES) or _is_busy(_status(error)) or _sql_state(error).startswith(_SQL_STATES)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and what it came from, as Python, urllib and SQLAlchemy keep it."""
    seen: list[BaseException] = []
    found: list[object] = [error]
    while found:
        each = found.pop()
        if not isinstance(each, BaseException) or each in seen:
            continue
        seen.append(each)
        yield each
        context = None if each.__suppress_context__ else each.__context__
        found += [each.__cause__, context, getattr(each, "reason", None), getattr(each, "orig", None)]


def _is_busy(status: object) -> bool:
    return isinstance(status, int) and (status in _STATUSES or 500 <= status < 600)


def _status(error: BaseException) -> object:
    """Return the HTTP status that urllib, aiohttp or botocore keep in their errors."""
    answer = getattr(error, "response", None)
    if isinstance(answer, dict):
        return answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
    found = getattr(error, "status", None) or getattr(error, "code", None)
    return found or getattr(answer, "status_code", None)


def _sql_state(error: BaseException) -> str:
    """Return the state that psycopg and pg8000 keep in their errors."""
    told = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    return str(getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or told.get("C") or "")
