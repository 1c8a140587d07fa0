"""Tells Dagster what DVC did without it: `dvc repro` in a terminal shows up in the UI, and edits show as stale."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
from dagster._core.definitions.data_version import get_input_data_version_tag, get_input_event_pointer_tag
from dvc.lock import LockError

from dl_assets.config import PIPELINES
from dl_assets.orchestration.assets import asset_key
from dl_assets.orchestration.champion_asset import champion_key
from dl_assets.orchestration.champion_events import AssetEvent, champion_events, champion_stamps
from dl_assets.orchestration.dead_runs import bury_dead_runs
from dl_assets.orchestration.graph import Graph, Node
from dl_assets.orchestration.metadata import check_fields, check_results, materialization_metadata
from dl_assets.orchestration.versions import Lock, code_version_locked, data_version, input_versions, read_lock
from dl_assets.orchestration.webserver import reload_definitions

_ACTIVE = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def make_sensor(graph: Graph, champions: list[str]) -> dg.SensorDefinition:
    """Return the sensor; `champions` are the pipelines that have such an asset."""
    loaded = fingerprint(graph.root)

    @dg.sensor(
        name="dvc_lock",
        minimum_interval_seconds=5,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Shows what `dvc repro` and `dl promote` did elsewhere, and reloads the definitions after an edit.",
    )
    def dvc_lock(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        bury_dead_runs(context.instance)
        edited = fingerprint(graph.root) != loaded
        if edited and reload_definitions():
            return dg.SkipReason("parameters or code changed: the definitions were reloaded")
        current = " ".join([_lock_stamp(graph.root), *champion_stamps(graph.root, champions)])
        if current == context.cursor:
            return dg.SkipReason("parameters or code changed: press Reload" if edited else "dvc.lock is unchanged")
        try:
            lock = read_lock(graph)
        except LockError:
            return dg.SkipReason("DVC is busy; trying again in a moment")
        busy = _keys_in_runs(context)
        events, skipped = new_events(graph, lock, context.instance, busy)
        for name in champions:
            if champion_key(name) in busy:
                skipped.append(f"champion@{name}")
            else:
                events += champion_events(graph, name, lock, context.instance)
        # While a stage of a running job was left out, the cursor stays: the next tick looks again.
        return dg.SensorResult(asset_events=events, cursor=context.cursor if skipped else current)

    return dvc_lock


def new_events(
    graph: Graph, lock: Lock, instance: dg.DagsterInstance, busy: set[dg.AssetKey]
) -> tuple[list[AssetEvent], list[str]]:
    """Return materialisations that Dagster has not seen, upstream first, and the stages left out as busy."""
    events: list[AssetEvent] = []
    skipped: list[str] = []
    for node in graph.nodes.values():
        if node.address not in lock:
            continue
        if asset_key(node) in busy:
            skipped.append(node.address)
        else:
            events += _events_of(graph, node, lock, instance)
    return events, skipped


def _events_of(graph: Graph, node: Node, lock: Lock, instance: dg.DagsterInstance) -> Iterator[AssetEvent]:
    key, tags = asset_key(node), _tags(graph, node, lock)
    last = instance.get_latest_materialization_event(key)
    known = (last.asset_materialization.tags or {}) if last and last.asset_materialization else {}
    if all(known.get(name) == value for name, value in tags.items()):
        return
    for upstream in graph.upstream(node):
        record = instance.get_latest_data_version_record(asset_key(upstream))
        tags[get_input_event_pointer_tag(asset_key(upstream))] = str(record.storage_id) if record else "NULL"
    metadata = {**materialization_metadata(graph, node, lock), "door": "dvc repro"}
    yield dg.AssetMaterialization(key, tags=tags, metadata=metadata)
    for check in check_results(graph, node):
        yield dg.AssetCheckEvaluation(**check_fields(key, check))


def _tags(graph: Graph, node: Node, lock: Lock) -> dict[str, str]:
    """The tags by which Dagster decides what is stale, as a run of its own would have set them."""
    tags = {
        "dagster/data_version": data_version(node, lock) or "",
        "dagster/data_version_is_user_provided": "true",
        "dagster/code_version": code_version_locked(graph, node, lock),
    }
    for address, version in input_versions(graph, node, lock).items():
        tags[get_input_data_version_tag(asset_key(graph.nodes[address]))] = version or ""
    return tags


def _keys_in_runs(context: dg.SensorEvaluationContext) -> set[dg.AssetKey]:
    """Assets that a running job is about to report itself."""
    keys: set[dg.AssetKey] = set()
    for run in context.instance.get_runs(dg.RunsFilter(statuses=_ACTIVE)):
        if run.asset_selection is not None:
            keys |= set(run.asset_selection)
        elif context.repository_def and context.repository_def.has_job(run.job_name):  # None stands for a whole job
            keys |= set(context.repository_def.get_job(run.job_name).asset_layer.executable_asset_keys)
    return keys


def fingerprint(root: Path) -> str:
    """Changes when a file changes that the definitions were made from; costs one stat a file."""
    paths = [root / "dvc.yaml", *sorted((root / PIPELINES).glob("*.y*ml")), *sorted((root / "dl_assets").rglob("*.py"))]
    stamps = [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in paths if path.exists()]
    return hashlib.md5(json.dumps(stamps).encode(), usedforsecurity=False).hexdigest()


def _lock_stamp(root: Path) -> str:
    path = root / "dvc.lock"
    return str(path.stat().st_mtime_ns) if path.exists() else "none"
