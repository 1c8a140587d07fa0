"""Experiments as Git and DVC keep them: a commit each, beside the branches, and the data in the cache."""

import csv
import io
import json
import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from dvc.repo import Repo
from dvc.repo.experiments.refs import EXPS_NAMESPACE, ExpRefInfo
from dvc.utils.serialize import parse_yaml
from dvc_data.hashfile.hash_info import HashInfo
from dvc_data.hashfile.tree import Tree
from dvc_objects.errors import ObjectFormatError

from dl_assets.errors import PipelineError
from dl_assets.operations.experiments.findings import WORKSPACE, Row, flat
from dl_assets.orchestration.experiment_room import git

_FORMAT = "%(refname)%09%(objectname)%09%(committerdate:iso-strict)%09%(subject)"
_HISTORY = "history.csv"


def message(pipeline: str, words: str) -> str:
    """Return the message of an experiment's commit, by which it is found again."""
    return f"{_subject(pipeline)}{words}"


def _subject(pipeline: str) -> str:
    return f"dl experiment {pipeline}: "


def ref_of(head: str, name: str) -> str:
    return str(ExpRefInfo(head, name))


def names(root: Path) -> set[str]:
    """Return the names of all experiments, whoever made them."""
    return {ref.rpartition("/")[2] for ref, *_ in _listed(root)}


def rows(pipeline: str, root: Path, val_metric: str) -> list[Row]:
    """Return every experiment of the pipeline that Git has, in no order."""
    with Repo(str(root)) as repo:
        return [
            _row(ref.rpartition("/")[2], _Commit(root, commit), pipeline, val_metric, repo, commit[:12], time)
            for ref, commit, time, subject in _listed(root)
            if subject.startswith(_subject(pipeline))
        ]


def workspace(pipeline: str, root: Path, val_metric: str) -> Row | None:
    """Return what the last run in the workspace found; None where there was none."""
    with Repo(str(root)) as repo:
        row = _row(WORKSPACE, _Folder(root), pipeline, val_metric, repo)
    return row if row.values else None


def _listed(root: Path) -> list[list[str]]:
    """Return reference, commit, time and subject of each; beside them DVC keeps marks of its own, such as what was applied last."""
    lines = git(root, "for-each-ref", f"--format={_FORMAT}", EXPS_NAMESPACE).splitlines()
    return [parts for line in lines if re.match(f"{EXPS_NAMESPACE}/[0-9a-f]{{2}}/", (parts := line.split("\t", 3))[0])]


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
    commit: str | None = None,
    time: str | None = None,
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
        commit=commit,
        time=time,
        curve=_curve(lock, pipeline, val_metric, repo),
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
    outs = {out["path"]: out["md5"] for out in lock.get(f"train@{pipeline}", {}).get("outs", [])}
    cache = repo.cache.local
    with suppress(FileNotFoundError, ObjectFormatError, KeyError):
        tree = Tree.load(cache, HashInfo("md5", outs[f"data/{pipeline}/model"]))
        history = Path(cache.oid_to_path(tree.get((_HISTORY,))[1].value)).read_text(encoding="utf-8")
        return tuple(float(row[val_metric]) for row in csv.DictReader(io.StringIO(history)))
    return ()
