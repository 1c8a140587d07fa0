"""The section `schedule`."""

from datetime import datetime
from typing import Annotated
from zoneinfo import available_timezones

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, Field

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


Cron = Annotated[str, AfterValidator(_cron)]


class Schedule(Options):
    cron: Cron | None = None
    timezone: Annotated[str, AfterValidator(_timezone)] = "UTC"
    force: Annotated[bool, Field(description="a scheduled run trains although nothing changed")] = False
    new_data: Annotated[bool, Field(description="a run begins when the raw data of the source changed")] = False
    settle_seconds: Annotated[
        float, Field(ge=0, description="how long changed data must stay as it is before the run begins; it may be half copied")
    ] = 60
    max_hours: Annotated[float | None, Field(gt=0, description="a run of the Dagster job that takes longer is ended")] = None
