"""When a model counts as overdue: no run has come to its end for longer than the cron may leave between two runs."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise, takewhile
from zoneinfo import ZoneInfo

import dagster as dg
from cronsim import CronSim

from dl_assets.sections import Schedule

_GRACE = timedelta(hours=6)  # where the file does not say how long a run may take; at most half of what is between two
_FRIDAY = datetime(2027, 1, 29, tzinfo=UTC)  # weekends and the ends of months come soon,
_MOST_TICKS = 3000  # so that this is enough, also where there is one in each minute of the office hours
_YEAR = timedelta(days=366)


def freshness(schedule: Schedule) -> dg.FreshnessPolicy | None:
    """Return the policy of the asset with which every run ends, also one in which nothing had changed.

    A window of time, and not Dagster's policy by cron: that has no grace unless its cron is another one, moved by the grace,
    which cannot be written for every cron; and where days are left out, it calls overdue what is not.
    """
    if schedule.cron is None:
        return None
    gap = longest_gap(schedule.cron, schedule.timezone)
    grace = min(_GRACE, gap / 2) if schedule.max_hours is None else timedelta(hours=schedule.max_hours)
    return dg.FreshnessPolicy.time_window(fail_window=gap + grace)


def longest_gap(cron: str, timezone: str) -> timedelta:
    """Return the longest time between two ticks: of Monday to Friday, the weekend.

    >>> str(longest_gap("0 3 * * 1-5", "UTC")), str(longest_gap("*/15 * * * *", "Europe/Berlin"))
    ('3 days, 0:00:00', '0:15:00')
    """
    ticks = (tick.astimezone(UTC) for tick in CronSim(cron, _FRIDAY.astimezone(ZoneInfo(timezone))))
    times = takewhile(lambda time: time < _FRIDAY + _YEAR, islice(ticks, _MOST_TICKS))
    return max((later - earlier for earlier, later in pairwise(times)), default=_YEAR)
