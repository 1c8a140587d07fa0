"""What a source may say of a sample beside its target, in the words in which people write it."""

from datetime import UTC, date, datetime, time

PART_OF = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_EPOCH_FROM = 1e8  # a smaller number is rather a year or a counter than seconds since 1970
_MILLISECONDS_FROM = 1e11  # as seconds, that would be the year 5138


def part_of(text: str) -> str:
    """Return train, val or test. Raises ValueError for another word.

    >>> part_of("Validation")
    'val'
    """
    try:
        return PART_OF[text.strip().lower()]
    except KeyError:
        raise ValueError(f"'{text}' is no part. Allowed: {', '.join(PART_OF)}") from None


def time_of(value: object) -> datetime | None:
    """Return a date, an ISO text or (milli)seconds since 1970 as a naive time, which is in UTC where the zone is known.

    Raises ValueError for anything else.

    >>> time_of("2026-01-31T12:00+02:00"), time_of("1769860800"), time_of("")
    (datetime.datetime(2026, 1, 31, 10, 0), datetime.datetime(2026, 1, 31, 12, 0), None)
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    if isinstance(value, date):
        return datetime.combine(value, time())
    text = str(value).strip()
    try:
        if text.isdigit() and len(text) != len("20260131"):  # a long number can pass for an ISO date of the Middle Ages
            return _since_1970(float(text))
        return time_of(datetime.fromisoformat(text))
    except ValueError:
        pass
    try:
        return _since_1970(float(text))
    except ValueError:
        raise ValueError(f"'{text}' is neither a date such as 2026-01-31T12:00 nor seconds since 1970") from None


def _since_1970(number: float) -> datetime:
    if not _EPOCH_FROM <= number <= _MILLISECONDS_FROM * 100:
        raise ValueError(number)
    seconds = number / 1000 if number >= _MILLISECONDS_FROM else number
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None)
