"""Experiments from the command to `dvc exp apply`, with stages that take no time: a line in a log tells that one has run."""

import hashlib
import json
import os
import subprocess
from contextlib import chdir

import pytest
from dvc.repo import Repo
from workspace import BIN, Workspace, make_workspace

from dl_assets.orchestration.experiment_room import ROOMS

PIPELINE = """\
task: image_classification
source: {kind: folder, path: data/incoming/pets}
clean: {image_size: 8, min_side: 8}
split: {}
augment: []
model: {name: cnn, width: 8}  # mine
train: {epochs: 2, learning_rate: 3.0e-3}
evaluate: {}
export: {}
schedule: {}
"""
GRAPH = """\
vars: [pipelines/index.yaml]
stages:
  ingest:
    foreach: ${pipelines}
    do:
      cmd: python play.py ingest ${key}
      deps: [play.py, "${item.input}"]
      params: [{"pipelines/${key}.yaml": [source]}]
      outs: ["data/${key}/raw"]
  train:
    foreach: ${pipelines}
    do:
      cmd: python play.py train ${key}
      deps: [play.py, "data/${key}/raw"]
      params: [{"pipelines/${key}.yaml": [model, train]}]
      outs: ["data/${key}/model"]
      metrics:
        - "data/${key}/reports/train.json": {cache: false}
        - "data/${key}/evaluation/metrics.json": {cache: false}
"""
# The score of val is that of the learning rate, the score of test the number of raw files; a rate above 1 fails.
PLAY = """\
import json, os, sys
from pathlib import Path
from ruamel.yaml import YAML

stage, name = sys.argv[1:]
home, options = Path("data", name), YAML(typ="safe").load(Path("pipelines", f"{name}.yaml"))
if stage == "ingest":
    (home / "raw").mkdir(parents=True)
    (home / "raw" / "count").write_text(str(sum(path.is_file() for path in Path(options["source"]["path"]).rglob("*"))))
else:
    rate, count = options["train"]["learning_rate"], int((home / "raw" / "count").read_text())
    if rate > 1:
        sys.exit(1)
    for folder in ("model", "reports", "evaluation"):
        (home / folder).mkdir(exist_ok=True)
    (home / "model" / "history.csv").write_text(f"epoch,val_accuracy\\n1,0.0\\n2,{rate}\\n")
    report = {"numbers": {"val_accuracy": rate, "best_val_loss": 1 - rate}, "seconds": 2.0}
    (home / "reports" / "train.json").write_text(json.dumps(report))
    (home / "evaluation" / "metrics.json").write_text(json.dumps({"accuracy": {"value": count, "low": 0, "high": 9}}))
with open(os.environ["PLAY_LOG"], "a") as log:
    log.write(f"{stage}\\n")
"""


class Project(Workspace):
    """A workspace whose stages are play.py; `before` is how it was before the experiments, `out` what they printed."""

    before: tuple[object, ...]
    out: str

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, "PLAY_LOG": str(self.root.parent / "log")}

    def ran(self) -> list[str]:
        """Return the stages that have run since this was asked the last time."""
        log = self.root.parent / "log"
        stages = log.read_text().split() if log.exists() else []
        log.unlink(missing_ok=True)
        return stages

    def reproduce(self) -> None:
        with pytest.MonkeyPatch.context() as patch, chdir(self.root), Repo() as repo:
            patch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")
            patch.setenv("PLAY_LOG", self.environment["PLAY_LOG"])
            repo.reproduce()

    def git(self, *words: str) -> str:
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *words]
        return subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=True).stdout.strip()

    def files(self) -> dict[str, str]:
        """Return the hash of each file, but for what DVC and experiments keep beside the workspace."""
        beside = (".git/", ".dvc/", "data/.tmp/", "data/pets/experiment/")
        paths = {str(path.relative_to(self.root)): path for path in sorted(self.root.rglob("*")) if path.is_file()}
        kept = {name: path for name, path in paths.items() if not name.startswith(beside) and "__pycache__" not in name}
        return {name: hashlib.md5(path.read_bytes()).hexdigest() for name, path in kept.items()}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Two experiments, one of which fails, beside a workspace with edits that are not committed."""
    made = Project(make_workspace(tmp_path_factory.mktemp("experiments") / "w").root)
    for path, text in {"dvc.yaml": GRAPH, "play.py": PLAY, "pipelines/pets.yaml": PIPELINE}.items():
        (made.root / path).write_text(text)
    (made.root / "pipelines/digits.yaml").unlink()
    for name in ("cat/1.png", "cat/2.png", "dog/3.png"):
        path = made.root / "data/incoming/pets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    made.call("dl", "sync")
    made.git("add", ".")
    made.git("commit", "-q", "-m", "pets")
    made.reproduce()
    made.edit_pipeline("pets", "epochs: 2", "epochs: 3")
    made.before = made.files(), made.git("status", "--porcelain"), made.git("stash", "list")
    made.ran()
    made.out = made.call("dl", "experiment", "pets", "train.learning_rate=0.5,5", "--json").stdout
    return made


def summary(text: str) -> dict[str, dict[str, object]]:
    return {one["name"]: one for one in json.loads(text.splitlines()[-1])["experiments"]}


def test_the_workspace_is_byte_for_byte_as_it_was(project: Project) -> None:
    before = project.before
    assert (project.files(), project.git("status", "--porcelain"), project.git("stash", "list")) == before


def test_nothing_is_left_of_the_room_and_no_lock(project: Project) -> None:
    assert [path.name for path in (project.root / ROOMS / "0").iterdir()] == ["lock"]
    assert project.changed_in_dvc("ingest@pets") == set()


def test_a_source_that_was_read_is_not_read_again(project: Project) -> None:
    assert project.ran() == ["train"]


def test_one_that_fails_is_a_row_with_its_reason_and_the_others_go_on(project: Project) -> None:
    done, failed = summary(project.out).values()
    assert (done["reason"], done["val"]) == (None, {"val_accuracy": 0.5, "val_loss": 0.5})
    assert "train@pets failed with exit code 1" in str(failed["reason"])


def test_the_progress_of_each_experiment_and_stage_is_told(project: Project) -> None:
    events = [json.loads(line) for line in project.out.splitlines()[:-1]]
    name = next(iter(summary(project.out)))
    own = [event for event in events if event["address"] == f"{name}@pets"]
    assert own[0]["state"] == "running" and own[-1]["state"] == "done"
    assert {"stage": "train", "state": "done"}.items() <= own[-2].items()


def test_an_experiment_is_of_the_code_and_options_that_are_not_committed_yet(project: Project) -> None:
    ref = project.git("for-each-ref", "--format=%(refname)", "refs/exps")
    assert ref.startswith(f"refs/exps/{project.git('rev-parse', 'HEAD')[:2]}/")
    written = project.git("show", f"{ref}:pipelines/pets.yaml")
    assert written == PIPELINE.replace("epochs: 2", "epochs: 3").replace("3.0e-3", "0.5").strip()


def test_new_raw_data_are_seen_where_they_are_and_the_same_again_trains_nothing(project: Project) -> None:
    new = project.root / "data/incoming/pets/dog/4.png"
    new.write_text("new")
    project.ran()
    for expected in (["ingest", "train"], []):
        found = summary(project.call("dl", "experiment", "pets", "train.learning_rate=0.25", "--json").stdout)
        assert [one["test"] for one in found.values() if one["val"] and one["val"]["val_accuracy"] == 0.25] == [  # type: ignore[index]
            {"accuracy": {"value": 4, "low": 0, "high": 9}}
        ]
        assert project.ran() == expected
    new.unlink()


def test_a_name_that_is_taken_is_refused(project: Project) -> None:
    name = next(iter(summary(project.out)))
    refused = project.call("dl", "experiment", "pets", "train.epochs=9", "--name", name, check=False)
    assert refused.returncode == 2 and f"dvc exp remove {name}" in refused.stderr


def test_adopting_one_changes_its_values_only_and_the_next_run_trains_nothing(project: Project) -> None:
    name = next(iter(summary(project.out)))
    path = project.root / "pipelines/pets.yaml"
    before = path.read_text()
    assert "learning_rate: 0.5}" in project.call("dl", "experiments", "pets", "--adopt", name).stdout
    assert path.read_text() == before.replace("3.0e-3", "0.5")
    project.ran()
    project.reproduce()
    assert project.ran() == []
    assert (project.root / "data/pets/model/history.csv").read_text().endswith("2,0.5\n")
    path.write_text(before)


def test_dvc_applies_one_where_everything_is_committed(project: Project) -> None:
    """Else it puts edits aside, and deletes what Git ignores below a folder of which it knows no file, such as data/."""
    name = next(iter(summary(project.out)))
    before = (project.root / "pipelines/pets.yaml").read_text()
    project.git("add", ".")
    project.git("commit", "-q", "-m", "all that there is")
    with chdir(project.root), Repo() as repo:
        repo.experiments.apply(name)
    assert (project.root / "pipelines/pets.yaml").read_text() == before.replace("3.0e-3", "0.5")
    assert (project.root / "data/pets/model/history.csv").read_text().endswith("2,0.5\n")
    assert (project.root / "data/incoming/pets/cat/1.png").read_text() == "cat/1.png"
    assert project.changed_in_dvc() == set()
