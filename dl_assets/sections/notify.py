"""The section `notify`."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from dl_assets.registry import Options

VARIABLE = "env:"
_FORM = re.compile(r"https?://[^\s/]+.*|env:[A-Za-z_][A-Za-z0-9_]*")


def _webhook(text: str) -> str:
    if not _FORM.fullmatch(text):
        raise ValueError("must be a URL that begins with https:// or http://, or env:NAME, a variable of the environment")
    return text


class Notify(Options):
    """Who is told when a run of the pipeline fails in Dagster, and when the next one succeeds; no stage depends on it."""

    webhook: Annotated[
        str | None,
        Field(description="a URL that takes JSON by POST; env:NAME reads it from the environment, for it often holds a secret"),
        AfterValidator(lambda text: text if text is None else _webhook(text)),
    ] = None
