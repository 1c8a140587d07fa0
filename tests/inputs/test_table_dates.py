"""Dates are read in the forms that tables have them in, and what is no date is none."""

from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dl_assets.inputs._table.date_formats import FORMATS, choose_formats, count_formats, days_of, tell_day

WRITTEN = {
    "YYYY-MM-DD": "%Y-%m-%d",
    "YYYY/MM/DD": "%Y/%m/%d",
    "DD.MM.YYYY": "%d.%m.%Y",
    "MM/DD/YYYY": "%m/%d/%Y",
    "DD/MM/YYYY": "%d/%m/%Y",
    "MM-DD-YYYY": "%m-%d-%Y",
    "DD-MM-YYYY": "%d-%m-%Y",
    "DD Mon YYYY": "%d %b %Y",
    "Mon DD, YYYY": "%b %d, %Y",
}


def days(*texts: str | None, formats: tuple[str, ...] = FORMATS) -> list[float | None]:
    return days_of(pl.Series(texts, dtype=pl.String), formats).to_list()


@pytest.mark.parametrize("name", FORMATS)
@settings(deadline=None)  # the machine may be busy
@given(moment=st.datetimes(datetime(1000, 1, 1), datetime(9999, 1, 1)))
def test_a_date_and_a_time_are_read_back(name: str, moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    text = moment.strftime(WRITTEN[name]).replace(str(moment.year), f"{moment.year:04}")
    seconds = moment.replace(tzinfo=UTC).timestamp()
    assert days(text, formats=(name,)) == [seconds // 86_400]
    assert days(f"{text} {moment:%H:%M:%S}", formats=(name,)) == [pytest.approx(seconds / 86_400, abs=1e-9)]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("1970-01-01T12:00", 0.5),
        ("1970-01-01T12:00:00Z", 0.5),
        ("1970-01-01 12:00:00.000", 0.5),
        ("1970-01-01T12:00:00+02:00", 10 / 24),
        ("1970-01-01T12:00-0530", 17.5 / 24),
        ("01/02/1970 12:30 PM", 1 + 12.5 / 24),
        ("01/02/1970 12:30 am", 1 + 0.5 / 24),
        ("1.2.1970", 31.0),
        ("3-Feb-1970", 33.0),
        ("Feb 3, 1970", 33.0),
    ],
)
def test_times_zones_and_short_forms_are_read(text: str, day: float) -> None:
    assert days(text) == [pytest.approx(day)]


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-30",
        "24-02-01",
        "2024-13-01",
        "31.02.2024",
        "2024-01-01x",
        "2024-01-01 25:00",
        "2024-01-01 12:60",
        "12:00",
        "",
        "x",
    ],
)
def test_what_is_no_date_is_none(text: str) -> None:
    assert days(text) == [None]
    assert days(text, "2024-01-01 10:00")[0] is None


def test_days_first_or_months_first_is_decided_by_the_data() -> None:
    assert choose_formats(count_formats(pl.Series(["03/04/2024", "25/12/2024"]))) == (("DD/MM/YYYY",), False)
    assert choose_formats(count_formats(pl.Series(["03/04/2024", "12/25/2024"]))) == (("MM/DD/YYYY",), False)
    assert choose_formats(count_formats(pl.Series(["03/04/2024", "05/06/2024"]))) == (("MM/DD/YYYY",), True)


def test_words_and_numbers_are_no_dates() -> None:
    assert count_formats(pl.Series(["male", "C85", "A/5 21171", "PC 17599", "1-2", "3.14"])) == {}


@settings(deadline=None)  # the machine may be busy
@given(st.floats(-700_000, 2_900_000).map(lambda day: round(day * 86_400) / 86_400))
def test_a_day_is_told_so_that_it_can_be_read_again(day: float) -> None:
    text = tell_day(day)
    if len(text.split("-")[0]) == 4:
        assert days(text, formats=("YYYY-MM-DD",)) == [pytest.approx(day, abs=1e-5)]
