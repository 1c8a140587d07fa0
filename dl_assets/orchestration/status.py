"""What DVC would run, and why, asked without running it."""

import random
import time
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.lock import LockError
from dvc.repo import Repo

from dl_assets.config import load_pipeline
from dl_assets.errors import ConfigError, Outage, PipelineError
from dl_assets.orchestration.graph import load_graph
from dl_assets.orchestration.versions import read_lock

_TRIES = 40


def reasons(pipeline: str | None, root: Path) -> dict[str, list[str]]:
    """Return address -> why the stage would run, in words; an empty list where it would be skipped.

    A pipeline file that cannot be read is the reason of its stages, and does not stop the others.
    """
    graph = load_graph(root)
    broken = _broken(graph.pipelines, root)
    if pipeline is not None:
        load_pipeline(pipeline, root)
    nodes = list(graph.nodes.values()) if pipeline is None else graph.of_pipeline(pipeline)
    readable = [node.address for node in nodes if node.pipeline not in broken]
    changed = changes(root, *readable) if readable else {}
    has_run = read_lock(graph)
    found: dict[str, list[str]] = {}
    for node in nodes:  # upstream first
        if node.pipeline in broken:
            found[node.address] = [broken[node.pipeline]]
        elif node.address not in has_run:
            found[node.address] = ["has not run yet"]
        else:
            before = [upstream for upstream in graph.upstream(node) if found[upstream.address]]
            names = [upstream.stage if upstream.pipeline == node.pipeline else upstream.address for upstream in before]
            found[node.address] = changed.get(node.address) or [f"{name} would run before it" for name in names]
    return found


def _broken(pipelines: list[str], root: Path) -> dict[str, str]:
    found = {}
    for name in pipelines:
        try:
            load_pipeline(name, root)
        except ConfigError as error:
            found[name] = str(error)
    return found


def changes(root: Path, *addresses: str) -> dict[str, list[str]]:
    """Return address -> what changed since its last run, in words; stages that are up to date are left out.

    All stages by default. Raises PipelineError where DVC stays busy or cannot tell.
    """
    for attempt in range(1, _TRIES + 1):
        try:
            with Repo(str(root), _wait_for_lock=True) as repo:
                found = repo.status(targets=list(addresses) or None)
            return {address: [_words(change) for change in changed] for address, changed in found.items()}
        except LockError as error:
            if attempt == _TRIES:
                raise Outage(f"DVC is busy with another command; try again when it is done. ({error})") from None
            time.sleep(0.2 + 0.2 * random.random())
        except DvcException as error:
            raise PipelineError(f"DVC cannot tell what changed: {error}") from error
    raise AssertionError("unreachable: the last attempt returns or raises")


def is_unchanged(root: Path, address: str) -> bool:
    """Would DVC skip this stage? False also where it cannot tell now: then it is asked to reproduce the stage."""
    try:
        with Repo(str(root), _wait_for_lock=True) as repo:
            return not repo.status(targets=[address])
    except (LockError, DvcException):
        return False


def _words(change: object) -> str:
    """`{'changed deps': {'a.py': 'modified'}}` in words; DVC nests parameters one level deeper.

    >>> _words({"changed deps": {"a.py": "modified", "p.yaml": {"train.epochs": "modified"}}})
    'a.py modified, p.yaml: train.epochs modified'
    >>> _words("changed command")
    'changed command'
    """
    if isinstance(change, str):
        return change
    assert isinstance(change, dict)
    parts = []
    for what in change.values():
        for path, state in what.items():
            nested = state if isinstance(state, dict) else {}
            parts += [f"{path}: {key} {kind}" for key, kind in nested.items()] or [f"{path} {state}"]
    return ", ".join(parts)
