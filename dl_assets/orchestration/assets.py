"""One Dagster asset for each stage of dvc.yaml: a step lets DVC reproduce the stage and shows what it made."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg

from dl_assets import progress
from dl_assets.config import Pipeline
from dl_assets.orchestration.dead_runs import bury_dead_runs, sign_in
from dl_assets.orchestration.execution import Event, RunFailed, follow, reproduce_command
from dl_assets.orchestration.forcing import is_forced
from dl_assets.orchestration.graph import Graph, Node
from dl_assets.orchestration.metadata import check_fields, check_results, materialization_metadata, picture
from dl_assets.orchestration.overdue import freshness
from dl_assets.orchestration.retries import fail_step
from dl_assets.orchestration.status import is_unchanged
from dl_assets.orchestration.versions import code_version_now, data_version, read_lock

LAST_STAGE = "export"  # with which every run ends; where it is late, so is the model


def asset_key(node: Node) -> dg.AssetKey:
    return dg.AssetKey([node.pipeline, node.artifact])


def measured_in(pipeline: str) -> dict[str, dg.MetadataValue[Any]]:
    """Return the link from a model to the asset that holds its report."""
    return {"measured_in": dg.MetadataValue.asset(dg.AssetKey([pipeline, "evaluation"]))}


def make_asset(graph: Graph, node: Node, config: Pipeline | None = None) -> dg.AssetsDefinition:
    """Return the asset of a node; its step runs `dvc repro` for that one stage in a process of its own.

    `config` is what its pipeline file says; None where that is broken.
    """
    key = asset_key(node)
    spec = dg.AssetSpec(
        key,
        deps=[asset_key(upstream) for upstream in graph.upstream(node)],
        group_name=node.pipeline,
        description=f"{node.desc}\n\nSkipped where nothing that it reads has changed. "
        f"In a terminal: `dl run {node.pipeline} {node.stage}`, or `dvc repro {node.address}`",
        kinds={"dvc", *node.dagster.get("kinds", [])},
        code_version=code_version_now(graph, node),
        tags={"dvc/stage": node.stage, **(config.tags if config else {})},
        owners=config.owners if config else [],
        metadata=measured_in(node.pipeline) if node.stage in ("train", "export") else {},
        freshness_policy=freshness(config.schedule) if config and node.stage == LAST_STAGE else None,
    )
    checks = [dg.AssetCheckSpec(name, asset=key, blocking=True) for name in node.checks]

    @dg.multi_asset(name=f"{node.pipeline}__{node.stage}", specs=[spec], check_specs=checks, pool=node.dagster.get("pool"))
    def stage(context: dg.AssetExecutionContext) -> Iterator[Any]:
        sign_in(context)
        bury_dead_runs(context.instance)
        started = time.time()
        try:
            forced = [node.address] if is_forced(context.run.tags, node.address) else []
            if not forced and is_unchanged(graph.root, node.address):
                context.log.info(f"{node.address}: unchanged, skipped")
                progress.emit("stage", address=node.address, state="unchanged")
            else:
                command = reproduce_command([node.address], forced)
                follow(command, graph.root, lambda event: _observe(context, graph.root, key, event))
        except RunFailed as error:
            yield from _failed_checks(graph, node, since=started)
            fail_step(context, error)
        lock = read_lock(graph)
        yield dg.MaterializeResult(
            key,
            data_version=dg.DataVersion(data_version(node, lock) or ""),
            metadata=materialization_metadata(graph, node, lock),
        )
        for check in check_results(graph, node):
            yield dg.AssetCheckResult(**check_fields(key, check))

    return stage


def _failed_checks(graph: Graph, node: Node, since: float) -> Iterator[dg.AssetCheckResult]:
    """The checks of a stage that failed, if it is this run that wrote the report."""
    report = graph.root / node.report
    if not report.is_file() or report.stat().st_mtime < since:
        return
    for check in check_results(graph, node):
        yield dg.AssetCheckResult(**check_fields(asset_key(node), check))


def _observe(context: dg.AssetExecutionContext, root: Path, key: dg.AssetKey, event: Event) -> None:
    """Show an event of the running stage in the run's log, and numbers as an observation of the asset."""
    if event["kind"] == "tick":
        return
    values = {name: value for name, value in event.items() if name not in ("kind", "address")}
    if event["kind"] == "error":
        context.log.error(event["message"])
    elif event["kind"] == "stage":
        context.log.info(f"{event['address']}: {event['state']}")
    elif event["kind"] == "picture":
        with contextlib.suppress(FileNotFoundError):  # the stage has ended meanwhile, and shows a better one
            context.log_event(dg.AssetObservation(key, metadata={event["name"]: picture(root / event["path"])}))
    else:
        context.log.info(" ".join(f"{name}={value}" for name, value in values.items()))
        context.log_event(dg.AssetObservation(key, metadata=values))
