"""`dl experiment`: every combination of changes as a DVC experiment of its own, run beside the workspace, not in it."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from dl_assets import index
from dl_assets.config import Pipeline, load_pipeline
from dl_assets.errors import ConfigError
from dl_assets.operations.experiments.changes import PLACES, combinations, require_valid
from dl_assets.operations.experiments.findings import Findings, Row, findings_of, flat, score_of
from dl_assets.operations.experiments.publication import Failed, failures, publish
from dl_assets.operations.tuning.winner import Proposal
from dl_assets.orchestration import experiment_refs
from dl_assets.orchestration.execution import RunFailed
from dl_assets.orchestration.experiment_room import head_of
from dl_assets.orchestration.experiment_run import Plan, run_all
from dl_assets.problems import plain
from dl_assets.search_space import Values

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*", re.IGNORECASE)


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
        run_all(plans, config, root, failed, as_json=as_json)
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
        Row(one.name, {**before, **flat(one.values)}, one.values, reason=one.reason)
        for one in (failures(pipeline, root) if failed is None else failed)
        if one.name not in names
    ]
    return findings_of(config, [*done, *lost], own)


def adopt(pipeline: str, name: str, root: Path) -> str:
    """Write what an experiment changed into the pipeline file, in which all else stays as it is; return the diff.

    `dvc exp apply` would put aside every uncommitted edit, delete what Git ignores in folders that it does not know, and bring
    back what other pipelines were when the experiment ran.
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
