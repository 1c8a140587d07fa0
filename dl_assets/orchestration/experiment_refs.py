"""Experiments as Git and DVC keep them: a commit each, beside the branches, and the data in the cache."""

import csv
import io
import json
import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from dvc.repo import Repo
from dvc.repo.experiments.refs import EXPS_NAMESPACE, ExpRefInfo
from dvc.utils.serialize import parse_yaml
from dvc_data.hashfile.hash_info import HashInfo
from dvc_data.hashfile.tree import Tree
from dvc_objects.errors import ObjectFormatError

from dl_assets.errors import ConfigError, PipelineError
from dl_assets.operations.experiments.changes import told
from dl_assets.operations.experiments.findings import WORKSPACE, Row, flat
from dl_assets.orchestration.experiment_room import git
from dl_assets.problems import choose
from dl_assets.search_space import Values

_FORMAT = "%(refname)%09%(objectname)%09%(committerdate:iso-strict)%09%(subject)%09%(contents:body)"
_HISTORY = "history.csv"


def message(pipeline: str, values: Values) -> str:
    """Return the message of an experiment's commit, by which it is found again: for people, and below it for us."""
    return f"{_subject(pipeline)}{told(values)}\n\n{json.dumps(values)}"


def _subject(pipeline: str) -> str:
    return f"dl experiment {pipeline}: "


def ref_of(head: str, name: str) -> str:
    return str(ExpRefInfo(head, name))


def names(root: Path) -> set[str]:
    """Return the names of all experiments, whoever made them."""
    return {ref.rpartition("/")[2] for ref, *_ in _listed(root)}


def rows(pipeline: str, root: Path, val_metric: str) -> list[Row]:
    """Return the experiments of the pipeline; of those that made the same model from the same options the newest."""
    with Repo(str(root)) as repo:
        found = [
            replace(
                _row(ref.rpartition("/")[2], _Commit(root, commit), pipeline, val_metric, repo),
                changes=json.loads(body),
                commit=commit[:12],
                time=time,
            )
            for ref, commit, time, subject, body in sorted(_listed(root), key=lambda parts: parts[2])
            if subject.startswith(_subject(pipeline))
        ]
    return list({json.dumps([row.values, row.model], sort_keys=True): row for row in found}.values())


def changes_of(pipeline: str, name: str, root: Path) -> Values:
    """Return what an experiment changed. Raises ConfigError where there is none of that name."""
    own = {
        ref.rpartition("/")[2]: json.loads(body)
        for ref, _, _, subject, body in _listed(root)
        if subject.startswith(_subject(pipeline))
    }
    if name not in own:
        raise ConfigError(f"{pipeline} has no experiment '{name}'{choose(name, own)}")
    return dict(own[name])


def workspace(pipeline: str, root: Path, val_metric: str) -> Row | None:
    """Return what the last run in the workspace found; None where there was none."""
    with Repo(str(root)) as repo:
        row = _row(WORKSPACE, _Folder(root), pipeline, val_metric, repo)
    return row if row.values else None


def _listed(root: Path) -> list[list[str]]:
    """Return reference, commit, time, subject and body of each; beside them DVC keeps marks, such as what was applied last."""
    lines = git(root, "for-each-ref", f"--format={_FORMAT}", EXPS_NAMESPACE).splitlines()
    found = [line.split("\t", 4) for line in lines if re.match(f"{EXPS_NAMESPACE}/[0-9a-f]{{2}}/", line)]
    return [parts for parts in found if len(parts) == 5]


class _Commit:
    def __init__(self, root: Path, commit: str) -> None:
        self._root, self._commit = root, commit

    def read(self, path: str) -> str | None:
        with suppress(PipelineError):
            return git(self._root, "show", f"{self._commit}:./{path}")
        return None


class _Folder:
    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, path: str) -> str | None:
        file = self._root / path
        return file.read_text(encoding="utf-8") if file.is_file() else None


def _row(
    name: str,
    place: _Commit | _Folder,
    pipeline: str,
    val_metric: str,
    repo: Repo,
) -> Row:
    train = json.loads(place.read(f"data/{pipeline}/reports/train.json") or "{}")
    metrics = json.loads(place.read(f"data/{pipeline}/evaluation/metrics.json") or "{}")
    lock = (parse_yaml(place.read("dvc.lock") or "", "dvc.lock") or {}).get("stages", {})
    return Row(
        name=name,
        values=flat(_parameters(lock, pipeline)),
        val={key.removeprefix("best_"): value for key, value in train.get("numbers", {}).items() if "val_" in key},
        test={key: entry for key, entry in metrics.items() if key not in ("classes", "support")},
        seconds=train.get("seconds"),
        curve=_curve(lock, pipeline, val_metric, repo),
        model=_model(lock, pipeline),
    )


def _parameters(lock: dict[str, Any], pipeline: str) -> dict[str, Any]:
    """Return the sections of the pipeline file with which its stages have run."""
    found: dict[str, Any] = {}
    for address, entry in lock.items():
        if address.endswith(f"@{pipeline}"):
            found |= entry.get("params", {}).get(f"pipelines/{pipeline}.yaml", {})
    return found


def _curve(lock: dict[str, Any], pipeline: str, val_metric: str, repo: Repo) -> tuple[float, ...]:
    """Return the metric of each epoch, nothing where the cache does not have it (any more)."""
    cache, model = repo.cache.local, _model(lock, pipeline)
    if model is None:
        return ()
    with suppress(FileNotFoundError, ObjectFormatError, KeyError):
        hashes = {key: found.value for key, _, found in Tree.load(cache, HashInfo("md5", model))}
        history = Path(cache.oid_to_path(hashes[(_HISTORY,)])).read_text(encoding="utf-8")
        return tuple(float(row[val_metric]) for row in csv.DictReader(io.StringIO(history)))
    return ()


def _model(lock: dict[str, Any], pipeline: str) -> str | None:
    outs = lock.get(f"train@{pipeline}", {}).get("outs", [])
    return next((out["md5"] for out in outs if out["path"] == f"data/{pipeline}/model"), None)
