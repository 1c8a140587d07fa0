"""The asset `<pipeline>/champion`, with which the job of a pipeline ends whose YAML has the section `promote`.

It is no stage of dvc.yaml: its step runs `dl promote`, and a challenger that loses is a green run that says why.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

from dl_assets import progress
from dl_assets.artifacts.report import read_json
from dl_assets.config import Pipeline
from dl_assets.operations.promotion.folder import REPORT
from dl_assets.operations.promotion.history import current_md5
from dl_assets.orchestration.assets import asset_key, measured_in
from dl_assets.orchestration.champion_metadata import BEATS, check_fields_of, decision_metadata
from dl_assets.orchestration.dead_runs import bury_dead_runs, sign_in
from dl_assets.orchestration.execution import Event, RunFailed, dl_command, follow
from dl_assets.orchestration.graph import Graph
from dl_assets.orchestration.retries import fail_step

_EXPORT = "export"


def champion_key(pipeline: str) -> dg.AssetKey:
    return dg.AssetKey([pipeline, "champion"])


def make_champion(graph: Graph, config: Pipeline) -> dg.AssetsDefinition:
    """Return the asset of a pipeline's champion. That the export answers as it should is checked, blocking, upstream."""
    pipeline, root = config.name, graph.root
    key = champion_key(pipeline)
    spec = dg.AssetSpec(
        key,
        deps=[asset_key(graph.nodes[f"{_EXPORT}@{pipeline}"])],
        group_name=pipeline,
        description=f"The model that serves, until a better one replaces it.\n\n`dl promote {pipeline}`",
        kinds={"dvc", "onnx"},
        owners=config.owners,
        tags=config.tags,
        metadata=measured_in(pipeline),
        skippable=True,  # nothing is materialised where the champion stays
    )
    check = dg.AssetCheckSpec(BEATS, asset=key, description="Does the exported model fulfil the rule of the section `promote`?")

    @dg.multi_asset(name=f"{pipeline}__champion", specs=[spec], check_specs=[check])
    def champion(context: dg.AssetExecutionContext) -> Iterator[Any]:
        sign_in(context)
        bury_dead_runs(context.instance)
        try:
            speaker = {progress.ADDRESS: f"champion@{pipeline}"}
            follow(dl_command("promote", pipeline, "--json"), root, lambda event: _log(context, event), environment=speaker)
        except RunFailed as error:
            fail_step(context, error)
        decision = read_json(root / "data" / pipeline / REPORT)
        context.log.info(decision["reason"])
        yield from _results(context, key, decision, root / "data" / pipeline)

    return champion


def _results(
    context: dg.AssetExecutionContext, key: dg.AssetKey, decision: dict[str, Any], folder: Path
) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
    """Show a new champion as a materialisation, and one that stays as an observation with the reason."""
    metadata = decision_metadata(decision)
    if decision["promoted"]:
        yield dg.MaterializeResult(key, data_version=dg.DataVersion(current_md5(folder) or ""), metadata=metadata)
    else:
        context.log_event(dg.AssetObservation(key, description=decision["reason"], metadata=metadata))
    yield dg.AssetCheckResult(**check_fields_of(key, decision))


def _log(context: dg.AssetExecutionContext, event: Event) -> None:
    if event["kind"] == "error":
        context.log.error(event["message"])
    elif event["kind"] == "stage":
        context.log.info(f"champion: {event['state']}")
