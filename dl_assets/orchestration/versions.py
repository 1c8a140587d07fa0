"""Data and code versions as both tools see them: computed by one function from dvc.lock and from the working tree."""

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from dvc.utils.serialize import load_yaml

from dl_assets.errors import ConfigError
from dl_assets.orchestration.graph import Graph, Node
from dl_assets.problems import parse_yaml

Lock = dict[str, Any]


def read_lock(graph: Graph) -> Lock:
    """Return address -> entry of dvc.lock. DVC rewrites the file in place, so it is read under DVC's own lock."""
    path = graph.root / "dvc.lock"
    with graph.repo.lock:
        return dict(load_yaml(path).get("stages") or {}) if path.exists() else {}


def code_version_now(graph: Graph, node: Node) -> str:
    """Version of command, code and parameters as they are in the working tree."""
    code = {path: graph.hash_of(node, path) for path in node.deps if path not in graph.producers}
    return _digest([node.cmd, code, {file: _values(graph.root / file, keys) for file, keys in node.params}])


def code_version_locked(graph: Graph, node: Node, lock: Lock) -> str:
    """The same version as of the run that dvc.lock remembers."""
    entry = lock[node.address]
    code = {dep["path"]: dep["md5"] for dep in entry.get("deps", []) if dep["path"] not in graph.producers}
    return _digest([entry["cmd"], code, {file: dict(values) for file, values in (entry.get("params") or {}).items()}])


def data_version(node: Node, lock: Lock) -> str | None:
    """Version of what a stage made. Reports are left out: no stage depends on them."""
    outs = {out["path"]: out["md5"] for out in lock.get(node.address, {}).get("outs", []) if out["path"] in node.outs}
    return _digest(outs) if outs else None


def input_versions(graph: Graph, node: Node, lock: Lock) -> dict[str, str | None]:
    """Upstream address -> the version of its data that this stage's last run read."""
    read = {dep["path"]: dep["md5"] for dep in lock[node.address].get("deps", [])}
    versions: dict[str, str | None] = {}
    for upstream in graph.upstream(node):
        made = {out["path"]: out["md5"] for out in lock.get(upstream.address, {}).get("outs", [])}
        paths = [path for path in node.deps if path in upstream.outs]
        same = all(made.get(path) == read.get(path) for path in paths)
        versions[upstream.address] = data_version(upstream, lock) if same else _digest([read.get(path) for path in paths])
    return versions


def _values(path: Path, keys: tuple[str, ...]) -> dict[str, Any]:
    try:
        document = _document(path, path.read_text(encoding="utf-8-sig"))
    except (ConfigError, OSError, UnicodeDecodeError) as error:
        return {"unreadable": str(error)}  # the run says what is wrong; here it only has to differ
    return {key: document.get(key) if isinstance(document, dict) else None for key in keys}


@lru_cache(maxsize=256)
def _document(path: Path, text: str) -> Any:
    """Every stage of a pipeline asks for the same file, each time that Dagster loads the definitions."""
    return parse_yaml(path, text)


def _digest(value: Any) -> str:
    return hashlib.md5(json.dumps(value, sort_keys=True, default=str).encode(), usedforsecurity=False).hexdigest()[:16]
