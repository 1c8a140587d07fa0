"""The forms in which a table may write a date, and what they are in days since 1970-01-01."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import polars as pl

# name -> its shape, and how chrono reads it. Each may have a time behind it; years of two digits say too little.
_SHAPES = {
    "YYYY-MM-DD": (r"^\d{4}-\d{1,2}-\d{1,2}$", "%Y-%m-%d"),
    "YYYY/MM/DD": (r"^\d{4}/\d{1,2}/\d{1,2}$", "%Y/%m/%d"),
    "DD.MM.YYYY": (r"^\d{1,2}\.\d{1,2}\.\d{4}$", "%d.%m.%Y"),
    "MM/DD/YYYY": (r"^\d{1,2}/\d{1,2}/\d{4}$", "%m/%d/%Y"),
    "DD/MM/YYYY": (r"^\d{1,2}/\d{1,2}/\d{4}$", "%d/%m/%Y"),
    "MM-DD-YYYY": (r"^\d{1,2}-\d{1,2}-\d{4}$", "%m-%d-%Y"),
    "DD-MM-YYYY": (r"^\d{1,2}-\d{1,2}-\d{4}$", "%d-%m-%Y"),
    "DD Mon YYYY": (r"^\d{1,2}[ -][A-Za-z]{3}[ -]\d{4}$", "%d %b %Y"),
    "Mon DD, YYYY": (r"^[A-Za-z]{3} \d{1,2}, ?\d{4}$", "%b %d, %Y"),
}
FORMATS = tuple(_SHAPES)
RIVALS = (("MM/DD/YYYY", "DD/MM/YYYY"), ("MM-DD-YYYY", "DD-MM-YYYY"))  # 03/04/2024 is a date in either

_MAYBE = r"\d{4}[-/]\d|[-/. ]\d{4}(\D|$)"
_TIME = r"[T ,]+(\d{1,2}:\d\d.*)$"
_CLOCK = r"^(?<h>\d{1,2}):(?<m>\d\d)(?::(?<s>\d\d(?:[.,]\d+)?))?\s*(?<half>[AaPp][Mm])?\s*(?:Z|UTC|(?<zone>[+-]\d\d:?\d\d))?$"
_DAY_SECONDS = 86_400


def days_of(texts: pl.Series, formats: Iterable[str]) -> pl.Series:
    """Return Float64 days since 1970-01-01, in UTC where a zone is named; null for what is no date of these formats.

    >>> days_of(pl.Series(["1970-01-02T12:00Z", "3.1.1970", "1970-02-30"]), ["YYYY-MM-DD", "DD.MM.YYYY"]).to_list()
    [1.5, 2.0, None]
    """
    dates, times = _apart(texts)
    days = pl.select(pl.coalesce(*(_whole_days(dates, name) for name in formats))).to_series()
    return (days if times is None else days + times).alias(texts.name)


def count_formats(texts: pl.Series) -> dict[str, int]:
    """Return for each format how many of the texts are dates of it; of those that none is, nothing."""
    maybe = texts.filter(texts.str.contains(_MAYBE))
    if maybe.is_empty():
        return {}
    counts = {name: len(maybe) - days_of(maybe, [name]).null_count() for name in FORMATS}
    return {name: count for name, count in counts.items() if count}


def choose_formats(counts: dict[str, int]) -> tuple[tuple[str, ...], bool]:
    """Return the formats of a column, commonest first, and whether of two rivals the data does not say which it is.

    Months first is what an undecided column is read as: it is how most tables with slashes are written.

    >>> choose_formats({"MM/DD/YYYY": 9, "DD/MM/YYYY": 12, "YYYY-MM-DD": 1})
    (('DD/MM/YYYY', 'YYYY-MM-DD'), False)
    """
    chosen, is_ambiguous = dict(counts), False
    for month_first, day_first in RIVALS:
        one, other = counts.get(month_first, 0), counts.get(day_first, 0)
        is_ambiguous |= one > 0 and one == other
        chosen.pop(month_first if other > one else day_first, None)
    return tuple(sorted(chosen, key=lambda name: -chosen[name])), is_ambiguous


def tell_day(days: float) -> str:
    """Return a day as people write it, with its time where it has one.

    >>> tell_day(19782.5), tell_day(-1)
    ('2024-02-29 12:00:00', '1969-12-31')
    """
    seconds = round(days * _DAY_SECONDS)
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except OverflowError:
        return f"day {days:g}"
    return moment.strftime("%Y-%m-%d %H:%M:%S" if seconds % _DAY_SECONDS else "%Y-%m-%d")


def day_of(text: str, formats: Sequence[str] = ("YYYY-MM-DD",)) -> float | None:
    """Return one date in days since 1970-01-01, None where it is no date of these formats."""
    day: float | None = days_of(pl.Series([text], dtype=pl.String), formats)[0]
    return day


def _apart(texts: pl.Series) -> tuple[pl.Series, pl.Series | None]:
    """Return the dates as text, and the times behind them in days; None where no text has one."""
    if not texts.str.contains(":", literal=True).any():
        return texts, None
    clocks = texts.str.extract(_TIME)
    return texts.str.replace(_TIME, ""), _share_of_day(clocks)


def _share_of_day(clocks: pl.Series) -> pl.Series:
    """Return the time in days, 0 where there is none and null where it is no time."""
    parts = clocks.str.extract_groups(_CLOCK).struct.unnest()
    hour, minute = pl.col("h").cast(pl.Float64), pl.col("m").cast(pl.Float64)
    second = pl.col("s").str.replace(",", ".").cast(pl.Float64).fill_null(0.0)
    half = pl.col("half").str.to_lowercase()
    hour_of_day = pl.when(half.is_null()).then(hour).otherwise(hour % 12 + 12 * (half == "pm"))
    zone = pl.col("zone").str.replace(":", "")
    away = zone.str.slice(1, 2).cast(pl.Float64) * 60 + zone.str.slice(3, 2).cast(pl.Float64)
    minutes_away = pl.when(zone.str.starts_with("-")).then(-away).otherwise(away).fill_null(0.0)
    seconds = hour_of_day * 3600 + (minute - minutes_away) * 60 + second
    is_time = (hour <= pl.when(half.is_null()).then(23).otherwise(12)) & (minute <= 59) & (second < 61)
    read = parts.select(pl.when(is_time).then(seconds / _DAY_SECONDS)).to_series()
    return pl.select(pl.when(clocks.is_null()).then(0.0).otherwise(read)).to_series()


def _whole_days(dates: pl.Series, name: str) -> pl.Series:
    shape, read = _SHAPES[name]
    texts = dates.str.replace_all("-", " ", literal=True) if "b" in read else dates
    of_shape = pl.select(pl.when(dates.str.contains(shape)).then(texts)).to_series()
    return of_shape.str.to_date(read, strict=False).cast(pl.Int32).cast(pl.Float64)
