"""`dl crossval`: bring what it reads up to date with DVC, then train the folds in a process of their own."""

import hashlib
import json
import sys
from pathlib import Path

from dl_assets.operations.crossval.places import address
from dl_assets.orchestration.doors import follow_shown, run
from dl_assets.orchestration.graph import Graph, load_graph
from dl_assets.orchestration.versions import code_version_now, data_version, read_lock

_REPEATED = ("augment", "train", "evaluate")  # the stages whose work is done anew for each fold
_LOST = "Folds that were finished are kept; run it again to go on."


def crossval(pipeline: str, num_folds: int, root: Path, *, as_json: bool) -> None:
    """Cross-validate a pipeline on its samples of train and val. Raises RunFailed."""
    run(pipeline, "split", root, through_dagster=False, as_json=as_json)
    key = version(load_graph(root), pipeline, num_folds)
    command = [sys.executable, "-m", "dl_assets", "folds", pipeline, str(num_folds), key]
    addresses = [address(pipeline, fold) for fold in range(num_folds)]
    follow_shown(command, addresses, pipeline, root, as_json=as_json, lost=_LOST)


def version(graph: Graph, pipeline: str, num_folds: int) -> str:
    """Return a hash of all that the result depends on: data, code and options of the repeated stages, our own code, and k."""
    nodes = [graph.nodes[f"{stage}@{pipeline}"] for stage in _REPEATED]
    lock = read_lock(graph)
    read = {upstream.address: upstream for node in nodes for upstream in graph.upstream(node) if upstream not in nodes}
    own = sorted((Path(__file__).parents[1] / "operations" / "crossval").glob("*.*"))
    parts = {
        "code": [code_version_now(graph, node) for node in nodes],
        "data": {name: data_version(node, lock) for name, node in sorted(read.items())},
        "own": [hashlib.sha256(path.read_bytes()).hexdigest() for path in own],
        "folds": num_folds,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
