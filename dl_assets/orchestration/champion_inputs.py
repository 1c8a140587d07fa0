"""Whether an exported model was made from the samples and parts that it would be compared on."""

from pathlib import Path

from dl_assets.orchestration.graph import load_graph
from dl_assets.orchestration.versions import read_lock


def stale_inputs(root: Path, pipeline: str) -> list[str]:
    """Return the artifacts that have changed since the export read them; nothing where dvc.lock knows of no export.

    A model that was trained before the parts were drawn anew may have learnt from samples of the test part of today.
    """
    graph, address = load_graph(root), f"export@{pipeline}"
    entry = read_lock(graph).get(address) if address in graph.nodes else None
    if entry is None:
        return []
    node = graph.nodes[address]
    read = {dep["path"]: dep["md5"] for dep in entry.get("deps", []) if dep["path"] in graph.producers}
    return [path for path, md5 in read.items() if path in node.deps and graph.hash_of(node, path) != md5]
