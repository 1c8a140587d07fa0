"""What Dagster loads: assets, jobs and a schedule for each pipeline, and the sensor, all derived from dvc.yaml."""

import logging
from pathlib import Path

import dagster as dg

from dl_assets import index
from dl_assets.config import Pipeline, load_pipeline
from dl_assets.errors import ConfigError
from dl_assets.orchestration.assets import asset_key, make_asset
from dl_assets.orchestration.champion_asset import champion_key, make_champion
from dl_assets.orchestration.failures import make_failure_sensors
from dl_assets.orchestration.graph import Graph, load_graph
from dl_assets.orchestration.maintenance import make_maintenance
from dl_assets.orchestration.operation_jobs import operation_jobs
from dl_assets.orchestration.sensor import make_sensor

log = logging.getLogger("dagster")
# What every step needs and Dagster imports late: loaded once and forked, else each step imports it for a second (measured).
PRELOADED = [__name__, "dagster._core.storage.sqlite_storage", "dagster._core.storage.local_compute_log_manager"]


def build_definitions(root: Path) -> dg.Definitions:
    """Refresh the index and derive everything. A pipeline file that is broken is told and left as it was."""
    for error in index.write_index(root):
        log.warning("%s", error)
    graph = load_graph(root)
    rules = _rules(graph)
    return dg.Definitions(
        assets=[
            *(make_asset(graph, node) for node in graph.nodes.values()),
            *(make_champion(graph, config) for config in rules.values()),
        ],
        jobs=[
            *(
                dg.define_asset_job(name, _needed(graph, name, rules.get(name)), description=f"Every stage of {name}.")
                for name in graph.pipelines
            ),
            *(job for name in graph.pipelines for job in operation_jobs(name, root)),
        ],
        schedules=[make_maintenance(root), *(schedule for name in graph.pipelines if (schedule := _schedule(name, root)))],
        sensors=[make_sensor(graph, list(rules)), *make_failure_sensors(root, graph.pipelines)],
        executor=dg.multiprocess_executor.configured(
            {"start_method": {"forkserver": {"preload_modules": PRELOADED}}, "max_concurrent": 4}
        ),
    )


def _rules(graph: Graph) -> dict[str, Pipeline]:
    """The pipelines with a rule for promotions, by name: only these have a champion among their assets."""
    found = {}
    for name in graph.pipelines:
        try:
            config = load_pipeline(name, graph.root)
            if "promote" in config.document and config.promote:
                found[name] = config
        except ConfigError as error:
            log.warning("no champion for %s: %s", name, error)
    return found


def _needed(graph: Graph, name: str, rule: Pipeline | None) -> dg.AssetSelection:
    """Every stage of a pipeline, and those of the pipelines whose model it begins with: what is unchanged is skipped.

    At the end the champion, where the pipeline has a rule by which it is replaced without being asked.
    """
    stages = [asset_key(node) for node in graph.of_pipeline(name)]
    return dg.AssetSelection.assets(*stages, *([champion_key(name)] if rule and rule.promote.automatic else []))


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
