"""What Dagster loads: assets, jobs and a schedule for each pipeline, and the sensor, all derived from dvc.yaml."""

import logging
from pathlib import Path

import dagster as dg

from dl_assets import index
from dl_assets.config import load_pipeline
from dl_assets.errors import ConfigError
from dl_assets.orchestration.assets import make_asset
from dl_assets.orchestration.graph import load_graph
from dl_assets.orchestration.operation_jobs import operation_jobs
from dl_assets.orchestration.sensor import make_sensor

log = logging.getLogger("dagster")


def build_definitions(root: Path) -> dg.Definitions:
    """Refresh the index and derive everything. A pipeline file that is broken is told and left as it was."""
    for error in index.write_index(root):
        log.warning("%s", error)
    graph = load_graph(root)
    return dg.Definitions(
        assets=[make_asset(graph, node) for node in graph.nodes.values()],
        jobs=[
            *(
                dg.define_asset_job(name, dg.AssetSelection.groups(name), description=f"Every stage of {name}.")
                for name in graph.pipelines
            ),
            *(job for name in graph.pipelines for job in operation_jobs(name, root)),
        ],
        schedules=[schedule for name in graph.pipelines if (schedule := _schedule(name, root))],
        sensors=[make_sensor(graph)],
        executor=dg.multiprocess_executor.configured(
            {"start_method": {"forkserver": {"preload_modules": [__name__]}}, "max_concurrent": 4}
        ),
    )


def _schedule(name: str, root: Path) -> dg.ScheduleDefinition | None:
    try:
        schedule = load_pipeline(name, root).schedule
    except ConfigError as error:
        log.warning("no schedule for %s: %s", name, error)
        return None
    if schedule.cron is None:
        return None
    return dg.ScheduleDefinition(
        name=f"{name}_retrain",
        job_name=name,
        cron_schedule=schedule.cron,
        execution_timezone=schedule.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Retrains {name}; stages whose inputs are unchanged are skipped.",
    )


defs = build_definitions(Path.cwd())
