"""The section `schedule`."""

from datetime import datetime
from typing import Annotated
from zoneinfo import available_timezones

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator

from dl_assets.registry import Options, did_you_mean


def _cron(text: str) -> str:
    try:
        CronSim(text, datetime(2026, 1, 1))
    except CronSimError as error:
        raise ValueError(f"is not a cron expression such as '0 3 * * 1' ({str(error).lower()})") from None
    if len(text.split()) != 5:
        raise ValueError("is not a cron expression of five fields such as '0 3 * * 1' (minute, hour, day, month, weekday)")
    return text


def _timezone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"is not a time zone such as 'Europe/Berlin'{did_you_mean(name, available_timezones())}")
    return name


class Schedule(Options):
    cron: Annotated[str, AfterValidator(_cron)] | None = None
    timezone: Annotated[str, AfterValidator(_timezone)] = "UTC"
