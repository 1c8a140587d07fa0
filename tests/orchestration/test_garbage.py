"""What `dl gc` removes from DVC's cache, and what it keeps: above all every champion."""

import json
import os
from pathlib import Path
from typing import Any

import psutil
import pytest
from contest import Contest, answers
from dvc.repo import Repo
from typer.testing import CliRunner

from dl_assets import runner
from dl_assets.__main__ import app
from dl_assets.errors import ConfigError, Outage
from dl_assets.operations.promotion import history
from dl_assets.orchestration.champion import promote, rollback
from dl_assets.orchestration.garbage import collect


def objects(contest: Contest) -> set[str]:
    with Repo(str(contest.root)) as repo:
        return set(repo.cache.local.all())


def track(contest: Contest, text: str) -> None:
    """Let DVC track a file of this content; what it tracked before is then needed by commits alone."""
    (contest.root / "raw.txt").write_text(text)
    with Repo(str(contest.root)) as repo:
        repo.add("raw.txt")


@pytest.fixture
def crowned(contest: Contest) -> Contest:
    """Three champions, of which two are former ones, and nothing is committed."""
    for num_wrong in (60, 40, 20):
        contest.export(answers(num_wrong))
        promote("pets", contest.root)
    return contest


def test_every_champion_is_kept_and_a_rollback_still_works_byte_for_byte(crowned: Contest) -> None:
    track(crowned, "old")
    track(crowned, "new")
    before, models = objects(crowned), crowned.champion()
    found = collect(crowned.root, 0, remove=True)
    assert found["unused"] == {"objects": 1, "bytes": 3}
    assert len(before - objects(crowned)) == 1
    first = rollback("pets", crowned.root, "1")
    assert crowned.json("champion/certificate.json")["sha256"] == first["sha256"]
    rollback("pets", crowned.root, "3")
    assert crowned.champion() == models


def test_a_champion_of_which_only_git_still_knows_is_kept(crowned: Contest) -> None:
    crowned.git("add", ".")
    crowned.git("commit", "-q", "-m", "three champions")
    folders = {entry["md5"] for entry in history.read(crowned.folder)}
    for name in (history.PROMOTIONS, history.POINTER):
        (crowned.folder / name).unlink()
    crowned.git("commit", "-q", "-a", "-m", "pets is gone")
    collect(crowned.root, 0, remove=True)
    assert folders <= objects(crowned)


def test_what_is_shown_is_not_removed(contest: Contest) -> None:
    track(contest, "old")
    track(contest, "new")
    found = collect(contest.root, 30)
    assert (found["unused"]["objects"], found["kept"]["objects"], found["removed"]) == (1, 1, False)
    assert len(objects(contest)) == 2


def test_commits_are_kept_for_so_many_days_and_branches_and_tags_for_ever(
    contest: Contest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def commit(text: str, *words: str) -> None:
        track(contest, text)
        contest.git("add", ".")
        contest.git("commit", "-q", "-m", text)
        for word in words:
            contest.git(*word.split())

    monkeypatch.setenv("GIT_COMMITTER_DATE", "2020-01-01T00:00:00Z")
    commit("ancient")
    commit("tagged", "tag v1")
    commit("branched", "branch other")
    monkeypatch.delenv("GIT_COMMITTER_DATE")
    commit("recent")
    commit("newest")
    assert collect(contest.root, 30)["unused"] == {"objects": 1, "bytes": len("ancient")}


def test_of_a_run_that_dvc_remembers_pipeline_and_stage_are_told(contest: Contest) -> None:
    track(contest, "old")
    track(contest, "new")
    (old,) = {
        path.name for path in (contest.root / ".dvc/cache/files/md5").rglob("*") if path.is_file() and path.read_text() == "old"
    }
    prefix = next(path.parent.name for path in (contest.root / ".dvc/cache/files/md5").rglob(old))
    run = contest.root / ".dvc/cache/runs/ab/abc/value"
    run.parent.mkdir(parents=True)
    run.write_text(
        json.dumps({"cmd": "python -m dl_assets stage train pets", "outs": [{"path": "data/pets/model", "md5": prefix + old}]})
    )
    assert collect(contest.root, 30)["of"] == [{"pipeline": "pets", "stage": "train", "objects": 1, "bytes": 3}]
    run.unlink()
    assert collect(contest.root, 30)["of"] == [{"pipeline": None, "stage": None, "objects": 1, "bytes": 3}]


def running(contest: Contest) -> Any:
    holder = {"pid": os.getpid(), "cmd": "dvc repro"}
    (contest.root / ".dvc/tmp").mkdir(exist_ok=True)
    (contest.root / ".dvc/tmp/rwlock").write_text(json.dumps({"write": {"data/pets/model": holder}, "read": {}}))


def experimenting(contest: Contest) -> None:
    (contest.root / ".dvc/tmp/exps/standalone/tmp123").mkdir(parents=True)


@pytest.mark.parametrize(
    ("begin", "says"), [(running, "a run is under way, which uses data/pets/model"), (experimenting, "an experiment")]
)
def test_nothing_is_removed_while_something_runs(
    begin: Any, says: str, contest: Contest, monkeypatch: pytest.MonkeyPatch
) -> None:
    track(contest, "old")
    track(contest, "new")
    begin(contest)
    monkeypatch.setattr(psutil.Process, "cmdline", lambda self: ["dvc", "repro"])
    with pytest.raises(Outage, match=says):
        collect(contest.root, 30, remove=True)
    assert len(objects(contest)) == 2


def test_nothing_is_removed_while_a_champion_is_being_promoted(contest: Contest) -> None:
    with runner.locked(contest.root / "data/.tmp/pets.champion.lock"), pytest.raises(Outage, match="a promotion of pets"):
        collect(contest.root, 30, remove=True)


def test_a_cache_that_others_may_share_is_left_alone(contest: Contest, tmp_path: Path) -> None:
    (contest.root / ".dvc/config.local").write_text(f"[cache]\n    dir = {tmp_path / 'shared'}\n")
    with pytest.raises(ConfigError, match="other projects may use it"):
        collect(contest.root, 30, remove=True)


def test_the_command_shows_and_with_yes_removes(contest: Contest) -> None:
    track(contest, "old")
    track(contest, "new")
    left = contest.root / "data/.tmp/pets/train/half.ckpt"
    left.parent.mkdir(parents=True)
    left.write_text("half")
    shown = CliRunner().invoke(app, ["gc"]).output
    assert "DVC's cache: 1 objects (0.0 kB) are needed, 1 are not:" in shown
    assert "abandoned stages" in shown
    assert "Remove it, 0.0 kB, with: dl gc --yes." in shown
    assert left.exists() and len(objects(contest)) == 2
    removed = json.loads(CliRunner().invoke(app, ["gc", "--yes", "--json"]).output)
    assert (removed["removed"], removed["unused"]["objects"], removed["leftovers"]["abandoned stages"]["count"]) == (True, 1, 1)
    assert not left.exists() and len(objects(contest)) == 1
