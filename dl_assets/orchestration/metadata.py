"""What Dagster shows of an artifact: only what DVC tracks, so that both doors show the same."""

import base64
import json
from pathlib import Path
from typing import Any

import dagster as dg

from dl_assets.artifacts.report import Check, read_checks
from dl_assets.orchestration.graph import Graph, Node
from dl_assets.orchestration.versions import Lock

MAX_PICTURE_BYTES = 1_500_000


def materialization_metadata(graph: Graph, node: Node, lock: Lock) -> dict[str, Any]:
    """Numbers (Dagster draws them over time), pictures, and a table of the files with their hashes."""
    folder = graph.root / "data" / node.pipeline / node.artifact
    return {
        **_numbers(graph.root / node.report),
        **{f"metric_{name}": value for name, value in _headline(folder / "metrics.json").items()},
        **_pictures(folder),
        **{path.stem: dg.MetadataValue.path(path) for path in sorted(folder.glob("*.html"))},
        "files": _files(lock[node.address].get("outs", [])),
        "dvc_stage": node.address,
    }


def check_results(graph: Graph, node: Node) -> list[Check]:
    """The checks that the stage's report holds, in the order of dvc.yaml."""
    found = {check.name: check for check in read_checks(graph.root / node.report)}
    return [found[name] for name in node.dagster.get("checks", []) if name in found]


def check_metadata(check: Check) -> dict[str, Any]:
    return {"value": float(check.value), "threshold": float(check.threshold), "detail": check.detail or "-"}


def check_severity(check: Check) -> dg.AssetCheckSeverity:
    return dg.AssetCheckSeverity.ERROR if check.severity == "error" else dg.AssetCheckSeverity.WARN


def _numbers(report: Path) -> dict[str, float | int]:
    if not report.is_file():
        return {}
    content = json.loads(report.read_text(encoding="utf-8"))
    return {
        **content["counts"],
        **{name: float(value) for name, value in content["numbers"].items()},
        "seconds": float(content["seconds"]),
    }


def _headline(metrics: Path) -> dict[str, float]:
    if not metrics.is_file():
        return {}
    content = json.loads(metrics.read_text(encoding="utf-8"))
    return {name: float(entry["value"]) for name, entry in content.items() if isinstance(entry, dict) and "value" in entry}


def _pictures(folder: Path) -> dict[str, dg.MetadataValue[Any]]:
    """Each PNG as Markdown with the picture inside: shown by the UI without a file server, and offline."""
    shown: dict[str, dg.MetadataValue[Any]] = {}
    for path in sorted([*folder.glob("*.png"), *folder.glob("plots/*.png")]):
        if path.stat().st_size <= MAX_PICTURE_BYTES:
            picture = base64.b64encode(path.read_bytes()).decode()
            shown[path.stem] = dg.MetadataValue.md(f"![{path.stem}](data:image/png;base64,{picture})")
    return shown


def _files(outs: list[dict[str, Any]]) -> dg.TableMetadataValue:
    records = [dg.TableRecord({"path": out["path"], "md5": out["md5"], "size_bytes": out.get("size") or 0}) for out in outs]
    columns = [dg.TableColumn("path"), dg.TableColumn("md5"), dg.TableColumn("size_bytes", "int")]
    return dg.MetadataValue.table(records, schema=dg.TableSchema(columns))
