"""What Dagster loads: assets, jobs and a schedule for each pipeline, and the sensor, all derived from dvc.yaml."""

import logging
from pathlib import Path

import dagster as dg

from dl_assets import index
from dl_assets.config import Pipeline, load_pipeline
from dl_assets.errors import ConfigError
from dl_assets.orchestration.assets import make_asset
from dl_assets.orchestration.champion_asset import make_champion
from dl_assets.orchestration.drift_asset import make_drift
from dl_assets.orchestration.drift_sensor import make_drift_sensor
from dl_assets.orchestration.failures import make_failure_sensors
from dl_assets.orchestration.graph import Graph, load_graph
from dl_assets.orchestration.maintenance import make_maintenance
from dl_assets.orchestration.new_data import make_new_data_sensor
from dl_assets.orchestration.operation_jobs import operation_jobs
from dl_assets.orchestration.retraining import make_job, make_schedule
from dl_assets.orchestration.sensor import make_sensor
from dl_assets.orchestration.watching import make_drift_job, make_drift_schedule

log = logging.getLogger("dagster")
_ORCHESTRATED = ("source", "schedule", "promote", "monitor", "owners", "tags")  # what the definitions are made from
# What every step needs and Dagster imports late: loaded once and forked, else each step imports it for a second (measured).
PRELOADED = [__name__, "dagster._core.storage.sqlite_storage", "dagster._core.storage.local_compute_log_manager"]


def build_definitions(root: Path) -> dg.Definitions:
    """Refresh the index and derive everything. A pipeline file that is broken is told and left as it was."""
    for error in index.write_index(root):
        log.warning("%s", error)
    graph = load_graph(root)
    configs = _configs(graph)
    rules = {name: config for name, config in configs.items() if "promote" in config.document}
    watched = [config for config in configs.values() if "monitor" in config.document]
    return dg.Definitions(
        assets=[
            *(make_asset(graph, node, configs.get(node.pipeline)) for node in graph.nodes.values()),
            *(make_champion(graph, config) for config in rules.values()),
            *(make_drift(graph, config) for config in watched),
        ],
        jobs=[
            *(make_job(graph, name, configs.get(name)) for name in graph.pipelines),
            *(make_drift_job(config) for config in watched),
            *(job for name in graph.pipelines for job in operation_jobs(name, root)),
        ],
        schedules=[
            make_maintenance(root),
            *(schedule for config in configs.values() if (schedule := make_schedule(graph, config))),
            *(make_drift_schedule(graph, config) for config in watched),
        ],
        sensors=[
            make_sensor(graph, list(rules)),
            *make_failure_sensors(root, graph.pipelines),
            *(sensor for config in configs.values() if (sensor := make_new_data_sensor(graph, config))),
            *(sensor for config in watched if (sensor := make_drift_sensor(graph, config))),
        ],
        executor=dg.multiprocess_executor.configured(
            {"start_method": {"forkserver": {"preload_modules": PRELOADED}}, "max_concurrent": 4}
        ),
    )


def _configs(graph: Graph) -> dict[str, Pipeline]:
    """The pipelines whose file says without a mistake how they are orchestrated, by name.

    The others keep their stages and their job, so that what is wrong can be seen where it matters.
    """
    found = {}
    for name in graph.pipelines:
        try:
            config = load_pipeline(name, graph.root)
            found[name] = config.check(tuple(section for section in _ORCHESTRATED if section in config.document))
        except ConfigError as error:
            log.warning("nothing but its stages and its job for %s: %s", name, error)
    return found


defs = build_definitions(Path.cwd())
