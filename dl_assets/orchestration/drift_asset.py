"""The asset `<pipeline>/drift`, where the YAML has the section `monitor`: its step runs `dl monitor`."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from dl_assets import progress
from dl_assets.artifacts.report import read_json
from dl_assets.config import Pipeline
from dl_assets.operations.monitoring import MONITOR, REPORT
from dl_assets.orchestration.assets import asset_key
from dl_assets.orchestration.champion_asset import champion_key
from dl_assets.orchestration.dead_runs import bury_dead_runs, sign_in
from dl_assets.orchestration.drift_metadata import STEADY, check_fields_of, report_metadata
from dl_assets.orchestration.execution import Event, RunFailed, dl_command, follow
from dl_assets.orchestration.graph import Graph
from dl_assets.orchestration.retries import fail_step


def drift_key(pipeline: str) -> dg.AssetKey:
    return dg.AssetKey([pipeline, "drift"])


def make_drift(graph: Graph, config: Pipeline) -> dg.AssetsDefinition:
    """Return the asset; drift is a warning, for the run that found it did what it should."""
    pipeline, folder, key = config.name, graph.root / "data" / config.name, drift_key(config.name)
    served = champion_key(pipeline) if "promote" in config.document else asset_key(graph.nodes[f"export@{pipeline}"])
    spec = dg.AssetSpec(
        key,
        deps=[served],
        group_name=pipeline,
        description="Are the latest predictions still like what the model that serves was measured on?\n\n"
        f"`dl monitor {pipeline}`",
        kinds={"onnx", "polars"},
        owners=config.owners,
        tags=config.tags,
    )
    check = dg.AssetCheckSpec(STEADY, asset=key, description="Is there no drift beyond the limits of the section `monitor`?")

    @dg.multi_asset(name=f"{pipeline}__drift", specs=[spec], check_specs=[check])
    def drift(context: dg.AssetExecutionContext) -> Iterator[Any]:
        sign_in(context)
        bury_dead_runs(context.instance)
        try:
            speaker = {progress.ADDRESS: f"drift@{pipeline}"}
            command = dl_command("monitor", pipeline, "--json")
            follow(command, graph.root, lambda event: _log(context, event), environment=speaker)
        except RunFailed as error:
            fail_step(context, error)
        report = read_json(folder / REPORT)
        context.log.info(f"{report['verdict']}: {report['reason']}")
        yield dg.MaterializeResult(key, metadata=report_metadata(report, folder / MONITOR))
        yield dg.AssetCheckResult(**check_fields_of(key, report))

    return drift


def _log(context: dg.AssetExecutionContext, event: Event) -> None:
    if event["kind"] == "error":
        context.log.error(event["message"])
    elif event["kind"] == "stage":
        context.log.info(f"drift: {event['state']}")
