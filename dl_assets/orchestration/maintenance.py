"""The job `maintenance`, which deletes every night what nobody needs any more, and tells how much of what that was."""

from pathlib import Path
from typing import Any

import dagster as dg

from dl_assets.operations.care.leftovers import Freed, clear
from dl_assets.orchestration.dead_runs import bury_dead_runs, sign_in
from dl_assets.orchestration.metadata import table
from dl_assets.orchestration.old_runs import clear_logs, clear_runs, shrink

NAME = "maintenance"
_CRON = "30 2 * * *"


def make_maintenance(root: Path) -> dg.ScheduleDefinition:
    """Return the job and its schedule, every night in UTC. `dry_run: true` in the launchpad only counts."""
    home = root / ".dagster"

    @dg.op(
        name="clear_up",
        description="Deletes what is old, abandoned and not shown any more, and tells how much of each kind.",
        config_schema={"dry_run": dg.Field(bool, default_value=False, description="only count what would be deleted")},
        out=dg.Out(dg.Nothing),
    )
    def clear_up(context: dg.OpExecutionContext) -> None:
        sign_in(context)
        bury_dead_runs(context.instance)
        dry_run: bool = context.op_config["dry_run"]
        found = {
            **clear(root, context.log.warning, dry_run=dry_run),
            "runs": clear_runs(context.instance, home, dry_run=dry_run),
            "logs of sensors": clear_logs(context.instance, home, dry_run=dry_run),
            "databases": shrink(home, context.log.warning, dry_run=dry_run),
        }
        for name, freed in found.items():
            context.log.info(f"{name}: {freed.count}, {freed.size_bytes / 1e6:.1f} MB")
        context.add_output_metadata(_metadata(found, dry_run=dry_run))

    @dg.job(name=NAME, description="Deletes old runs, and what killed, failed and forgotten ones left. For DVC's cache: dl gc")
    def job() -> None:
        clear_up()

    return dg.ScheduleDefinition(
        name=f"{NAME}_nightly",
        job=job,
        cron_schedule=_CRON,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Deletes every night what nobody needs any more.",
    )


def _metadata(found: dict[str, Freed], *, dry_run: bool) -> dict[str, Any]:
    records = [
        {"what": name, "count": freed.count, "megabytes": round(freed.size_bytes / 1e6, 1)} for name, freed in found.items()
    ]
    return {
        "deleted": table({"what": "string", "count": "int", "megabytes": "float"}, records),
        "count": sum(freed.count for freed in found.values()),
        "megabytes": round(sum(freed.size_bytes for freed in found.values()) / 1e6, 1),
        "dry_run": dry_run,
    }
