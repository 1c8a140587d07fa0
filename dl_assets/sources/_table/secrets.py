"""The URL of a database, whose password stands in an environment variable and never in a file or a message."""

import os
import re
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlsplit

from dl_assets.errors import ConfigError

_VARIABLE = re.compile(r"\$\{(\w+)\}")
_SECRET = re.compile(r"pass|pwd|secret|token|key", re.IGNORECASE)


class Address(NamedTuple):
    """`url` is for the driver alone; `shown` is what may be written; `secrets` must be in no message."""

    url: str
    shown: str
    secrets: tuple[str, ...]

    def hide(self, message: str) -> str:
        for secret in self.secrets:
            message = message.replace(secret, "***")
        return " ".join(message.split())[:300]


def address_of(template: str) -> Address:
    """Put in the variables of `postgresql+pg8000://user:${PASSWORD}@host/db`.

    Raises ConfigError for a password that is written out: the pipeline file and dvc.lock would spread it, and for a variable
    that is not set.
    """
    _require_no_password(template)
    values = {name: os.environ.get(name) for name in _VARIABLE.findall(template)}
    unset = [name for name, value in values.items() if not value]
    if unset:
        raise ConfigError(
            f"source.url: the environment variable {unset[0]} is not set. Set it where the run starts: export {unset[0]}=..."
        )
    secrets = [value for value in values.values() if value]
    quoted = [quote(value, safe="") for value in secrets]
    url = _VARIABLE.sub(lambda match: quote(values[match[1]] or "", safe=""), template)
    return Address(url, template.partition("?")[0], tuple(sorted({*secrets, *quoted}, key=len, reverse=True)))


def _require_no_password(template: str) -> None:
    login, at, _ = template.partition("://")[2].partition("?")[0].rpartition("@")
    given = [login.partition(":")[2]] if at else []
    given += [value for name, value in parse_qsl(urlsplit(template).query) if _SECRET.search(name)]
    if any(value and not _VARIABLE.fullmatch(value) for value in given):
        raise ConfigError(
            "source.url: a password is written in it (not shown here), and would go into every copy of the file. Write "
            "user:${PASSWORD}@host instead, and set the environment variable PASSWORD where the run starts."
        )
