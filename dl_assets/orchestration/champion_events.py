"""Tells Dagster of a champion that `dl promote`, `dl rollback` or a checkout brought without it."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
from dagster._core.definitions.data_version import get_input_data_version_tag

from dl_assets.artifacts.report import read_json
from dl_assets.operations.promotion.folder import DECISION, MODEL, sha256_of
from dl_assets.operations.promotion.history import POINTER, current_md5
from dl_assets.orchestration.assets import asset_key
from dl_assets.orchestration.champion_asset import champion_key
from dl_assets.orchestration.champion_metadata import check_fields_of, decision_metadata
from dl_assets.orchestration.graph import Graph
from dl_assets.orchestration.versions import Lock, data_version

AssetEvent = dg.AssetMaterialization | dg.AssetCheckEvaluation


def champion_events(graph: Graph, pipeline: str, lock: Lock, instance: dg.DagsterInstance) -> Iterator[AssetEvent]:
    """Yield the champion that serves and the decision that made it, if that is not what Dagster knows."""
    folder, key = graph.root / "data" / pipeline, champion_key(pipeline)
    md5 = current_md5(folder)
    if md5 is None or not (folder / "champion" / DECISION).is_file():
        return
    last = instance.get_latest_materialization_event(key)
    known = (last.asset_materialization.tags or {}) if last and last.asset_materialization else {}
    if known.get("dagster/data_version") == md5:
        return
    exported = graph.nodes[f"export@{pipeline}"]
    tags = {
        "dagster/data_version": md5,
        "dagster/data_version_is_user_provided": "true",
        get_input_data_version_tag(asset_key(exported)): (data_version(exported, lock) if _is_exported(folder) else None) or "",
    }
    decision = read_json(folder / "champion" / DECISION)
    yield dg.AssetMaterialization(key, tags=tags, metadata={**decision_metadata(decision), "door": "dl promote"})
    yield dg.AssetCheckEvaluation(**check_fields_of(key, decision))


def champion_stamps(root: Path, pipelines: list[str]) -> list[str]:
    """Return what changes when a champion is replaced; costs one stat a pipeline."""
    paths = [root / "data" / pipeline / POINTER for pipeline in pipelines]
    return [str(path.stat().st_mtime_ns) for path in paths if path.exists()]


def _is_exported(folder: Path) -> bool:
    """Is the champion the model that is exported now, and no former one?"""
    models = [folder / name / MODEL for name in ("champion", "exported")]
    return all(model.is_file() for model in models) and sha256_of(models[0]) == sha256_of(models[1])
