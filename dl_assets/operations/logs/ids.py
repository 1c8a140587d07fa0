"""The id of a prediction tells its time, so that it is found in the log without reading all of it."""

import re
import secrets
import time

_PATTERN = re.compile(r"[0-9a-f]{12}7[0-9a-f]{3}[89ab][0-9a-f]{15}")
_VERSION, _VARIANT = 0x7 << 76, 0x2 << 62


def new_id() -> str:
    """Return a UUID of version 7 (RFC 9562) as 32 hexadecimal digits: milliseconds since 1970, then 74 random bits."""
    random = secrets.randbits(76) & ~(0x3 << 62)
    return f"{time.time_ns() // 1_000_000 << 80 | _VERSION | _VARIANT | random:032x}"


def time_of(prediction_id: str) -> float | None:
    """Return the seconds since 1970 at which an id was made; None where it is none of ours.

    >>> time_of("017f22e279b07cc398c4dc0c0c07398f"), time_of("a")
    (1645557742.0, None)
    """
    return int(prediction_id[:12], 16) / 1000 if _PATTERN.fullmatch(prediction_id) else None
