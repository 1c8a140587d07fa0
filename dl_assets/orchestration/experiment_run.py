"""Runs experiments one after the other in a room, and tells how far each of them is."""

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from dl_assets import index, progress
from dl_assets.config import Pipeline
from dl_assets.errors import PipelineError
from dl_assets.operations.experiments.changes import told
from dl_assets.operations.experiments.publication import Failed
from dl_assets.operations.tuning.winner import Proposal
from dl_assets.orchestration import experiment_refs
from dl_assets.orchestration.execution import Event, experiment_command, follow
from dl_assets.orchestration.experiment_room import Room, open_room
from dl_assets.orchestration.graph import Graph, load_graph
from dl_assets.orchestration.status import is_unchanged
from dl_assets.orchestration.terminal import display
from dl_assets.runner import writable
from dl_assets.search_space import Values

_KEPT = " What it wrote is kept in "  # in the room, which is gone by the time that anybody reads this


@dataclass(frozen=True)
class Plan:
    """One experiment that is to be run: its name and what it changes."""

    name: str
    values: Values

    def address(self, pipeline: str) -> str:
        return f"{self.name}@{pipeline}"


def run_all(plans: list[Plan], config: Pipeline, root: Path, failed: list[Failed], *, as_json: bool) -> None:
    """Run them all and add to `failed` those that do not come to their end; the others are in Git then."""
    log = root / "data" / ".tmp" / "logs" / f"{config.name}-experiment-{os.getpid()}.log"
    addresses = [plan.address(config.name) for plan in plans]
    is_fresh = functools.cache(functools.partial(is_unchanged, root))
    with writable(log.parent), log.open("wb") as output:
        try:
            with open_room(root, load_graph(root).pipelines) as room, display(addresses, as_json) as shown:
                for plan in plans:
                    reason = _One(plan, config, room, is_fresh, shown.show, output).run()
                    if reason is not None:
                        failed.append(Failed(plan.name, plan.values, f"{reason} The log: {log.relative_to(root)}"))
        finally:
            if not failed:
                log.unlink()


@dataclass(frozen=True)
class _One:
    """One experiment. `is_fresh` tells whether a stage is up to date in the workspace."""

    plan: Plan
    config: Pipeline
    room: Room
    is_fresh: Callable[[str], bool]
    show: Callable[[Event], None]
    output: IO[bytes]

    def run(self) -> str | None:
        """Return None where it came to its end, else why it did not."""
        self._tell("stage", state="running")
        self._tell("progress", changes=told(self.plan.values))
        try:
            follow(self._command(self._prepare()), self.room.root, self._pass_on, self.output)
            ref = experiment_refs.ref_of(self.room.head, self.plan.name)
            self.room.keep(ref, experiment_refs.message(self.config.name, self.plan.values))
        except PipelineError as error:
            reason = str(error).partition(_KEPT)[0]
            self._tell("progress", reason=reason)
            self._tell("stage", state="failed")
            return reason
        self._tell("stage", state="done")
        return None

    def _prepare(self) -> Graph:
        """Write the changes into the room; return its graph, which may be another than that of the workspace."""
        room = self.room
        room.reset()
        Proposal(self.config.path, room.root, self.plan.values).write()
        for error in index.write_index(room.root):
            if str(self.config.path) in str(error):
                raise error
        graph = load_graph(room.root)
        entry = index.read_index(room.root)[self.config.name]
        for place in dict.fromkeys(entry[key] for key in ("input", "files", "weights", "schema")):
            if place not in graph.producers:  # these DVC brings; through a link it would write into the workspace
                room.link(place)
        room.link_everything()
        return graph

    def _command(self, graph: Graph) -> list[str]:
        """Leave out the stages that read a source which is known: their raw data come from DVC's cache."""
        addresses = [node.address for node in graph.of_pipeline(self.config.name)]
        sources = [name for name in addresses if name.startswith("ingest@")]
        if any(place.partition(".")[0] == "source" for place in self.plan.values):
            sources.remove(f"ingest@{self.config.name}")
        kept = [name for name in sources if self.is_fresh(name)]
        return experiment_command(kept, [name for name in addresses if name not in kept])

    def _pass_on(self, event: Event) -> None:
        """Show how far a stage is as how far the experiment is."""
        if event["kind"] in ("stage", "progress", "tick"):
            stage = (event.get("address") or "").removesuffix(f"@{self.config.name}")
            rest = {key: value for key, value in event.items() if key not in ("kind", "address")}
            kind = "tick" if event["kind"] == "tick" else "progress"
            self.show({"kind": kind, "address": self.plan.address(self.config.name), "stage": stage, **rest})

    def _tell(self, kind: str, **values: Any) -> None:
        os.environ[progress.ADDRESS] = self.plan.address(self.config.name)
        progress.emit(kind, **values)
        self.show({"kind": kind, "address": self.plan.address(self.config.name), **values})
