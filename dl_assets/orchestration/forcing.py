"""Stages that run although nothing changed: those that the tag `dl/force` of a Dagster run names, such as `train@digits`."""

import posixpath
from collections.abc import Mapping, Sequence

from dl_assets.config import Pipeline
from dl_assets.orchestration.graph import Graph

FORCE_TAG = "dl/force"


def force_tag(addresses: Sequence[str]) -> dict[str, str]:
    return {FORCE_TAG: " ".join(addresses)} if addresses else {}


def is_forced(tags: Mapping[str, str], address: str) -> bool:
    return address in tags.get(FORCE_TAG, "").split()


def ingested_anew(graph: Graph, config: Pipeline) -> list[str]:
    """Return the address of ingest where DVC would not see that the data changed: behind a web address, in a database."""
    ingest = graph.nodes[f"ingest@{config.name}"]
    reads_database = bool(config.source.options.get("query"))
    is_blind = reads_database or not all(_is_seen(place, ingest.deps) for place in config.raw_data)
    return [ingest.address] if is_blind else []


def _is_seen(place: str, deps: Sequence[str]) -> bool:
    """Is it one of the dependencies, or inside of one?

    >>> _is_seen("a/b.csv", ["a"]), _is_seen("a/", ["a"]), _is_seen("ab.csv", ["a"])
    (True, True, False)
    """
    path = posixpath.normpath(place)
    return any(path == dep or path.startswith(f"{dep}/") for dep in map(posixpath.normpath, deps))
