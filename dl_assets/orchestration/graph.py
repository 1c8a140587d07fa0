"""dvc.yaml as a graph of stages. DVC itself reads the file, so there is no second opinion on what it says."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from dvc.dependency.param import ParamsDependency
from dvc.exceptions import DvcException, NotDvcRepoError
from dvc.repo import Repo
from dvc.scm import SCMError

from dl_assets.artifacts import ARTIFACT_OF_STAGE
from dl_assets.errors import ConfigError


@dataclass(frozen=True)
class Node:
    """One stage of one pipeline, e.g. `train@digits`. Paths are as dvc.yaml writes them."""

    address: str
    cmd: str
    desc: str
    deps: tuple[str, ...]
    params: tuple[tuple[str, tuple[str, ...]], ...]
    outs: tuple[str, ...]
    reports: tuple[str, ...]
    dagster: dict[str, Any] = field(hash=False)

    @property
    def stage(self) -> str:
        return self.address.partition("@")[0]

    @property
    def pipeline(self) -> str:
        return self.address.partition("@")[2]

    @property
    def artifact(self) -> str:
        return ARTIFACT_OF_STAGE[self.stage]

    @property
    def checks(self) -> list[str]:
        """Names of the checks that the stage's report holds: those of every pipeline, and those of its kinds."""
        of_kinds = self.dagster.get("checks_of", {})
        own = [name for kind in self.dagster.get("of", []) for name in of_kinds.get(kind, [])]
        return [*self.dagster.get("checks", []), *own]

    @property
    def report(self) -> str:
        return f"data/{self.pipeline}/reports/{self.stage}.json"


class Graph:
    """All nodes, upstream first."""

    def __init__(self, repo: Repo) -> None:
        self.repo = repo
        self.root = Path(repo.root_dir)
        stages = [stage for stage in repo.index.stages if "@" in (getattr(stage, "name", None) or "")]
        order = list(ARTIFACT_OF_STAGE)
        nodes = sorted((_node(stage) for stage in stages), key=lambda node: (node.pipeline, order.index(node.stage)))
        self.nodes: dict[str, Node] = {node.address: node for node in nodes}
        self.nodes = {node.address: node for node in self._upstream_first(nodes)}
        self._stages = {stage.name: stage for stage in stages}

    @cached_property
    def producers(self) -> dict[str, Node]:
        return {path: node for node in self.nodes.values() for path in (*node.outs, *node.reports)}

    @cached_property
    def pipelines(self) -> list[str]:
        return sorted({node.pipeline for node in self.nodes.values()})

    def upstream(self, node: Node) -> list[Node]:
        """The stages whose outs this one reads."""
        found = {self.producers[path].address for path in node.deps if path in self.producers}
        return [candidate for candidate in self.nodes.values() if candidate.address in found]

    def of_pipeline(self, pipeline: str, until: str | None = None) -> list[Node]:
        """The stages of a pipeline (up to `until`) and all that they need, also of other pipelines, upstream first.

        Raises ConfigError where there are none.
        """
        wanted = [node for node in self.nodes.values() if node.pipeline == pipeline and until in (None, node.stage)]
        if not wanted:
            what = f"stage '{until}'" if until else "stages"
            raise ConfigError(f"dvc.yaml has no {what} for '{pipeline}'. Take back what you changed: git checkout dvc.yaml")
        return self._upstream_first(wanted)

    def _upstream_first(self, nodes: Iterable[Node]) -> list[Node]:
        """Return the nodes in their order, each behind all that it needs. DVC has seen to it that there is no circle."""
        found: dict[str, Node] = {}

        def visit(node: Node) -> None:
            if node.address not in found:
                for needed in self.upstream(node):
                    visit(needed)
                found[node.address] = node

        for node in nodes:
            visit(node)
        return list(found.values())

    def hash_of(self, node: Node, path: str) -> str | None:
        """DVC's own hash of a dependency as it is in the working tree now; None where it is missing."""
        dependency = next(dep for dep in self._stages[node.address].deps if dep.def_path == path)
        return str(dependency.get_hash().value) if dependency.exists else None


def load_graph(root: Path) -> Graph:
    """Let DVC read dvc.yaml and the index. Raises ConfigError where it cannot."""
    try:
        return Graph(Repo(str(root), _wait_for_lock=True))
    except SCMError as error:
        raise ConfigError(f"{root.resolve()} is in no Git repository, and DVC needs one. Run: git init") from error
    except NotDvcRepoError as error:
        raise ConfigError(
            f"{root.resolve()} has no folder .dvc. Clone the repository anew, or run: git checkout .dvc"
        ) from error
    except DvcException as error:
        raise ConfigError(f"DVC says: {error}. Mend the file, or take back what you changed: git checkout FILE") from error


def _node(stage: Any) -> Node:
    files = [dep for dep in stage.deps if not isinstance(dep, ParamsDependency)]
    params = [dep for dep in stage.deps if isinstance(dep, ParamsDependency)]
    return Node(
        address=stage.name,
        cmd=stage.cmd,
        desc=stage.desc or "",
        deps=tuple(dep.def_path for dep in files),
        params=tuple((dep.def_path, tuple(dep.params)) for dep in params),
        outs=tuple(out.def_path for out in stage.outs if not _is_report(out)),
        reports=tuple(out.def_path for out in stage.outs if _is_report(out)),
        dagster=dict((stage.meta or {}).get("dagster", {})),
    )


def _is_report(out: Any) -> bool:
    """Tell what people read from what other stages do: it never makes a stage stale."""
    return bool(out.metric) or Path(out.def_path).parent.name == "reports"
