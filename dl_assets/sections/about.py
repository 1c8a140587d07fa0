"""The keys `owners` and `tags`, by which people find a pipeline in Dagster and know whom to ask."""

import re
from typing import Annotated

from pydantic import AfterValidator

from dl_assets.registry import Options

# As Dagster takes them.
_OWNER = r"team:\S+|[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}"
_WORD = "[A-Za-z0-9_.-]{1,63}"
_TAKEN = ("dagster", "dl", "dvc")  # namespaces of tags that mean something to the tools


def _owner(text: str) -> str:
    if not re.fullmatch(_OWNER, text):
        raise ValueError("is neither a team such as 'team:vision' nor an address such as 'ann@example.com'")
    return text


def _key(text: str) -> str:
    if not re.fullmatch(f"({_WORD}/)?{_WORD}", text):
        raise ValueError("is no name of a tag: 1 to 63 of A-Z, a-z, 0-9, _, - and . (and before a / as many more)")
    if text.partition("/")[0] in _TAKEN and "/" in text:
        raise ValueError(f"begins with {text.partition('/')[0]}/, which is for the tools themselves. Choose another name")
    return text


def _value(text: str) -> str:
    if text and not re.fullmatch(_WORD, text):
        raise ValueError("is no value of a tag: at most 63 of A-Z, a-z, 0-9, _, - and .")
    return text


class About(Options):
    owners: list[Annotated[str, AfterValidator(_owner)]] = []  # noqa: RUF012 - frozen
    tags: dict[Annotated[str, AfterValidator(_key)], Annotated[str, AfterValidator(_value)]] = {}  # noqa: RUF012
