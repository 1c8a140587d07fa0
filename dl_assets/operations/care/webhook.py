"""Sends a message to the webhook of a pipeline. Whoever does not answer is named in the log, and stops nothing."""

import http.client
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from dl_assets.outages import is_outage
from dl_assets.sections.notify import VARIABLE

_TIMEOUT_SECONDS = 10.0
_PAUSES = (1.0, 4.0)  # between the three tries; with their timeouts well below the minute that Dagster gives a sensor


def post(webhook: str, message: Mapping[str, Any], tell: Callable[[str], None]) -> bool:
    """Send `message` as JSON; return whether it arrived, and tell why where it did not.

    What is told never holds the address, whose path often is a secret; its host alone.
    """
    url = os.environ.get(webhook.removeprefix(VARIABLE), "") if webhook.startswith(VARIABLE) else webhook
    if not url.startswith(("https://", "http://")):
        tell(f"nobody was told: {webhook.removeprefix(VARIABLE)} in the environment is no URL for notify.webhook.")
        return False
    body = json.dumps(message).encode()
    for pause in (*_PAUSES, None):
        problem = _problem(url, body)
        if problem is None:
            return True
        if pause is None or not is_outage(problem):
            tell(f"nobody was told: the server of notify.webhook ({_host(url)}) did not take the message ({_words(problem)}).")
            return False
        time.sleep(pause)
    raise AssertionError("unreachable: the last try returns")


def _problem(url: str, body: bytes) -> Exception | None:
    """Try once; return what went wrong."""
    try:
        request = urllib.request.Request(url, body, {"Content-Type": "application/json", "User-Agent": "dl-assets"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS):  # noqa: S310 - http(s) only
            return None
    except (OSError, ValueError, http.client.HTTPException) as error:
        return error


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "?"
    except ValueError:
        return "?"


def _words(problem: Exception) -> str:
    """Say what went wrong; the text of some errors repeats the address."""
    if isinstance(problem, urllib.error.HTTPError):
        return f"HTTP {problem.code}"
    reason = getattr(problem, "reason", problem)
    return getattr(reason, "strerror", None) or type(reason).__name__
