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
    pages = (graph.root / node.report).with_suffix("")
    return {
        **_numbers(graph.root / node.report),
        **pictures(folder),
        **pictures(pages),
        **_metrics(folder / "metrics.json"),
        **{path.stem: dg.MetadataValue.path(path) for path in sorted([*folder.glob("*.html"), *pages.glob("*.html")])},
        "folder": dg.MetadataValue.path(folder),
        "stage_report": dg.MetadataValue.path(graph.root / node.report),
        "files": _files(lock[node.address].get("outs", [])),
        "reads": _reads(graph, lock[node.address].get("deps", [])),
        "parameters": dg.MetadataValue.json(json.loads(json.dumps(lock[node.address].get("params", {}), default=str))),
        "dvc_stage": node.address,
    }


def operation_metadata(folder: Path) -> dict[str, Any]:
    """What an operation left in data/<pipeline>/<operation>/: the `metrics` of <operation>.json, pictures, and its page."""
    return {
        **{path.stem: dg.MetadataValue.path(path.resolve()) for path in sorted(folder.glob("*.html"))},
        **pictures(folder),
        **_estimates(folder / f"{folder.name}.json"),
    }


def check_results(graph: Graph, node: Node) -> list[Check]:
    """The checks that the stage's report holds, in the order of dvc.yaml."""
    found = {check.name: check for check in read_checks(graph.root / node.report)}
    return [found[name] for name in node.checks if name in found]


def check_fields(key: dg.AssetKey, check: Check) -> dict[str, Any]:
    """The fields that a check's result in a run and its evaluation outside of one have in common."""
    return {
        "asset_key": key,
        "check_name": check.name,
        "passed": check.passed,
        "severity": dg.AssetCheckSeverity.ERROR if check.severity == "error" else dg.AssetCheckSeverity.WARN,
        "metadata": {"value": float(check.value), "threshold": float(check.threshold), "detail": check.detail or "-"},
    }


def _numbers(report: Path) -> dict[str, float | int]:
    if not report.is_file():
        return {}
    content = json.loads(report.read_text(encoding="utf-8"))
    return {
        **content["counts"],
        **{name: float(value) for name, value in content["numbers"].items()},
        "seconds": float(content["seconds"]),
    }


def _metrics(path: Path) -> dict[str, dg.TableMetadataValue]:
    """The metrics of the evaluation with their 95 % intervals."""
    if not path.is_file():
        return {}
    entries = {name: entry for name, entry in json.loads(path.read_text(encoding="utf-8")).items() if name != "classes"}
    records = [
        {"metric": name, **{key: _short(entry[key]) for key in ("value", "low", "high")}} for name, entry in entries.items()
    ]
    return {"metrics": table({"metric": "string", "value": "float", "low": "float", "high": "float"}, records)}


def _short(value: float) -> float:
    """Dagster shows each digit of a table; four are kept."""
    return float(f"{value:.4g}")


def _estimates(path: Path) -> dict[str, dg.TableMetadataValue]:
    """The metrics of an operation with all numbers that every one of them has."""
    if not path.is_file():
        return {}
    metrics = json.loads(path.read_text(encoding="utf-8")).get("metrics", {})
    entries = {name: entry for name, entry in metrics.items() if name != "classes"}
    columns = [key for key in next(iter(entries.values()), {}) if all(key in entry for entry in entries.values())]
    records = [{"metric": name, **{key: _short(entry[key]) for key in columns}} for name, entry in entries.items()]
    return {"metrics": table({"metric": "string", **dict.fromkeys(columns, "float")}, records)}


def pictures(folder: Path) -> dict[str, dg.MetadataValue[Any]]:
    shown: dict[str, dg.MetadataValue[Any]] = {}
    for path in sorted([*folder.glob("*.png"), *folder.glob("plots/*.png")]):
        if path.stat().st_size <= MAX_PICTURE_BYTES:
            shown[path.stem] = picture(path)
    return shown


def picture(path: Path) -> dg.MetadataValue[Any]:
    """Return a PNG as Markdown with the picture inside: shown by the UI without a file server, and offline."""
    encoded = base64.b64encode(path.read_bytes()).decode()
    return dg.MetadataValue.md(f"![{path.stem}](data:image/png;base64,{encoded})")


def _files(outs: list[dict[str, Any]]) -> dg.TableMetadataValue:
    records = [{"path": out["path"], "md5": out["md5"], "size_bytes": out.get("size") or 0} for out in outs]
    return table({"path": "string", "md5": "string", "size_bytes": "int"}, records)


def _reads(graph: Graph, deps: list[dict[str, Any]]) -> dg.TableMetadataValue:
    """Which version of what was read, and which stage made it; our own code is in the version of the code."""
    records = [
        {
            "path": dep["path"],
            "md5": dep.get("md5") or dep.get("etag") or "-",
            "made_by": graph.producers[dep["path"]].address if dep["path"] in graph.producers else "-",
        }
        for dep in deps
        if not dep["path"].startswith("dl_assets/")
    ]
    return table({"path": "string", "md5": "string", "made_by": "string"}, records)


def table(columns: dict[str, str], records: list[dict[str, Any]]) -> dg.TableMetadataValue:
    schema = dg.TableSchema([dg.TableColumn(name, kind) for name, kind in columns.items()])
    return dg.MetadataValue.table([dg.TableRecord(record) for record in records], schema=schema)
