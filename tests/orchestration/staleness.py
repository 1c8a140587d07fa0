"""Run in a workspace: evaluate the sensor as the daemon does, store its events, and print each asset's status as JSON.

A program of its own, since Dagster's storage is relative to the working directory.
"""

import json
import sys
from pathlib import Path

import dagster as dg
from dagster._core.definitions.data_version import CachingStaleStatusResolver
from dagster._core.instance import InstanceRef
from dagster._core.loader import LoadingContextForTest

from dl_assets.orchestration.definitions import build_definitions


def main(with_sensor: bool) -> None:
    root = Path.cwd()
    repository = build_definitions(root).get_repository_def()
    with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(root), config_dir=str(root))) as instance:
        events = []
        if with_sensor:
            context = dg.build_sensor_context(instance=instance, repository_def=repository)
            events = list(repository.get_sensor_def("dvc_lock").evaluate_tick(context).asset_events)
            for event in events:
                instance.report_runless_asset_event(event)
        resolver = CachingStaleStatusResolver(instance, repository.asset_graph, LoadingContextForTest(instance))
        statuses, causes = {}, {}
        for key in repository.asset_graph.get_all_asset_keys():
            name = key.to_user_string()
            statuses[name] = resolver.get_status(key).value
            causes[name] = [f"{cause.category.value}: {cause.reason}" for cause in resolver.get_stale_causes(key)]
    reported = [event.asset_key.to_user_string() for event in events if isinstance(event, dg.AssetMaterialization)]
    print(json.dumps({"statuses": statuses, "causes": causes, "reported": reported}))


if __name__ == "__main__":
    main("--sensor" in sys.argv)
