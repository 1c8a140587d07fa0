"""`dl experiment`: every combination of changes as a DVC experiment of its own, run beside the workspace, not in it."""

import hashlib
import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from dl_assets import index, progress
from dl_assets.config import Pipeline, load_pipeline
from dl_assets.errors import ConfigError, PipelineError
from dl_assets.operations.experiments.changes import PLACES, combinations, require_valid, told
from dl_assets.operations.experiments.findings import Findings, Row, findings_of, flat, score_of
from dl_assets.operations.experiments.publication import Failed, failures, publish
from dl_assets.operations.tuning.winner import Proposal
from dl_assets.orchestration import experiment_refs
from dl_assets.orchestration.execution import Event, RunFailed, experiment_command, follow
from dl_assets.orchestration.experiment_room import Room, head_of, open_room
from dl_assets.orchestration.graph import load_graph
from dl_assets.orchestration.status import is_unchanged
from dl_assets.orchestration.terminal import display
from dl_assets.problems import plain
from dl_assets.runner import writable
from dl_assets.search_space import Values

_KEPT = " What it wrote is kept in "  # in the room, which is gone by the time that anybody reads this
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*", re.IGNORECASE)


@dataclass(frozen=True)
class Plan:
    """One experiment that is to be run: its name and what it changes."""

    name: str
    values: Values

    def address(self, pipeline: str) -> str:
        return f"{self.name}@{pipeline}"


def experiment(pipeline: str, changes: dict[str, list[Any]], root: Path, *, name: str | None, as_json: bool) -> Findings:
    """Run every combination and return all experiments of the pipeline. One that fails is a row, and the others go on.

    Raises ConfigError before anything runs where a change makes no sense, RunFailed where none comes to its end.
    """
    config = load_pipeline(pipeline, root)
    found = combinations(changes)
    require_valid(config, found)
    plans = _plans(config, found, head_of(root), name)
    _require_free_names(plans, root, name)
    failed: list[Failed] = []
    try:
        _run(plans, config, root, failed, as_json)
    except KeyboardInterrupt:
        publish(collect(pipeline, root, failed), root)
        raise RunFailed("stopped. The experiments that had ended are kept; run it again to go on.", 130) from None
    result = collect(pipeline, root, failed)
    publish(result, root)
    if len(failed) == len(plans):
        raise RunFailed(f"no experiment came to its end. {failed[0].name}: {failed[0].reason}", 1)
    return result


def collect(pipeline: str, root: Path, failed: list[Failed] | None = None) -> Findings:
    """Return what Git and DVC have of the pipeline's experiments; `failed` by default those of the last command."""
    config = load_pipeline(pipeline, root)
    score, _ = score_of(config)
    done = experiment_refs.rows(pipeline, root, score)
    own = experiment_refs.workspace(pipeline, root, score)
    names = {row.name for row in done}
    before = own.values if own else flat({section: plain(config.document)[section] for section in PLACES})
    lost = [
        Row(one.name, {**before, **flat(one.values)}, reason=one.reason)
        for one in (failures(pipeline, root) if failed is None else failed)
        if one.name not in names
    ]
    return findings_of(config, [*done, *lost], own)


def adopt(pipeline: str, name: str, root: Path) -> str:
    """Write what an experiment changed into the pipeline file, in which all else stays as it is; return the diff.

    `dvc exp apply` would put aside every uncommitted edit, and bring back what other pipelines were when the experiment ran.
    """
    proposal = Proposal(load_pipeline(pipeline, root).path, root, experiment_refs.changes_of(pipeline, name, root))
    proposal.write()
    index.write_index(root)
    return proposal.diff()


def _plans(config: Pipeline, found: list[Values], head: str, name: str | None) -> list[Plan]:
    """Give names: the same changes to the same commit have the same name, so that running them again adds nothing."""
    if name is not None and not _NAME.fullmatch(name):
        raise ConfigError(f"--name '{name}' is no name for an experiment. Use letters, digits, - and _.")
    if name is not None:
        many = len(found) > 1
        return [Plan(f"{name}-{number}" if many else name, values) for number, values in enumerate(found, 1)]
    return [Plan(f"{config.name}-{_digest([head, values])}", values) for values in found]


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:6]


def _require_free_names(plans: list[Plan], root: Path, name: str | None) -> None:
    """A name that the user gives must not take the place of another experiment; our own stand for the same changes."""
    taken = sorted(experiment_refs.names(root) & {plan.name for plan in plans}) if name else []
    if taken:
        raise ConfigError(f"There is an experiment {taken[0]} already. Choose another --name, or: dvc exp remove {taken[0]}")


def _run(plans: list[Plan], config: Pipeline, root: Path, failed: list[Failed], as_json: bool) -> None:
    graph = load_graph(root)
    addresses = [node.address for node in graph.of_pipeline(config.name)]
    fresh = [name for name in addresses if name.startswith("ingest@") and is_unchanged(root, name)]
    log = root / "data" / ".tmp" / "logs" / f"{config.name}-experiment-{os.getpid()}.log"
    own = [plan.address(config.name) for plan in plans]
    with writable(log.parent), log.open("wb") as output:
        try:
            with open_room(root, graph.pipelines) as room, display(own, as_json) as shown:
                for plan in plans:
                    reason = _One(plan, config, room, addresses, fresh, shown.show, output).run()
                    if reason is not None:
                        failed.append(Failed(plan.name, plan.values, f"{reason} The log: {log.relative_to(root)}"))
        finally:
            if not failed:
                log.unlink()


@dataclass(frozen=True)
class _One:
    """One experiment in the room. Of the `fresh` stages the raw data come from DVC's cache: to read a source takes long."""

    plan: Plan
    config: Pipeline
    room: Room
    addresses: list[str]
    fresh: list[str]
    show: Callable[[Event], None]
    output: IO[bytes]

    def run(self) -> str | None:
        """Return None where it came to its end, else why it did not."""
        self._tell("stage", state="running")
        self._tell("progress", changes=told(self.plan.values))
        try:
            self._prepare()
            follow(self._command(), self.room.root, self._pass_on, self.output)
            ref = experiment_refs.ref_of(self.room.head, self.plan.name)
            self.room.keep(ref, experiment_refs.message(self.config.name, self.plan.values))
        except PipelineError as error:
            reason = str(error).partition(_KEPT)[0]
            self._tell("progress", reason=reason)
            self._tell("stage", state="failed")
            return reason
        self._tell("stage", state="done")
        return None

    def _prepare(self) -> None:
        room = self.room
        room.reset()
        Proposal(self.config.path, room.root, self.plan.values).write()
        for error in index.write_index(room.root):
            if str(self.config.path) in str(error):
                raise error
        entry = index.read_index(room.root)[self.config.name]
        for place in dict.fromkeys(entry[key] for key in ("input", "files", "weights", "schema")):
            room.link(place)
        room.link_everything()

    def _command(self) -> list[str]:
        is_read_anew = any(place.partition(".")[0] == "source" for place in self.plan.values)
        kept = [name for name in self.fresh if not (is_read_anew and name == f"ingest@{self.config.name}")]
        return experiment_command(kept, [name for name in self.addresses if name not in kept])

    def _pass_on(self, event: Event) -> None:
        """Show how far a stage is as how far the experiment is."""
        if event["kind"] in ("stage", "progress", "tick"):
            stage = (event.get("address") or "").partition("@")[0]
            rest = {key: value for key, value in event.items() if key not in ("kind", "address")}
            kind = "tick" if event["kind"] == "tick" else "progress"
            self.show({"kind": kind, "address": self.plan.address(self.config.name), "stage": stage, **rest})

    def _tell(self, kind: str, **values: Any) -> None:
        os.environ[progress.ADDRESS] = self.plan.address(self.config.name)
        progress.emit(kind, **values)
        self.show({"kind": kind, "address": self.plan.address(self.config.name), **values})
