"""The copy of the repository in which experiments run: what is in it, and what is left when it is closed."""

import subprocess
from pathlib import Path

import pytest
from dvc.repo import Repo

from dl_assets.errors import ConfigError
from dl_assets.orchestration.experiment_refs import ref_of
from dl_assets.orchestration.experiment_room import ROOMS, head_of, open_room


def git(root: Path, *words: str) -> str:
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *words]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "a" / "b"
    made.mkdir(parents=True)
    git(made, "init", "-q")
    Repo.init(str(made)).close()
    (made / ".gitignore").write_text("/data/.tmp\n/data/incoming\n")
    (made / "code.py").write_text("old")
    git(made, "add", ".")
    git(made, "commit", "-q", "-m", "start")
    return made


def test_uncommitted_edits_and_new_pipelines_are_in_it_but_no_other_new_file(root: Path) -> None:
    (root / "code.py").write_text("edited")
    (root / "pipelines").mkdir()
    (root / "pipelines/new.yaml").write_text("new")
    (root / "huge.bin").write_text("not ours")
    with open_room(root, []) as room:
        assert (room.root / "code.py").read_text() == "edited"
        assert (room.root / "pipelines/new.yaml").read_text() == "new"
        assert not (room.root / "huge.bin").exists()


def test_what_git_ignores_and_what_lies_outside_is_found_at_the_same_place(root: Path) -> None:
    for place in ("data/incoming/x/1.png", "../../outside/2.png", "sh[o]p.db"):
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_text(place)
    with open_room(root, []) as room:
        room.link("data/incoming/x")
        room.link("../../outside")
        room.link_everything()
        assert (room.root / "data/incoming/x/1.png").read_text() == "data/incoming/x/1.png"
        assert (room.root / "../../outside/2.png").read_text() == "../../outside/2.png"
        assert (room.root / "sh[o]p.db").read_text() == "sh[o]p.db"
        assert git(room.root, "status", "--porcelain", "--untracked-files=all") == ""
    assert (root / "data/incoming/x/1.png").exists() and (root / "../../outside/2.png").exists()


def test_it_shares_the_cache_and_keeps_the_remotes_of_the_workspace(root: Path) -> None:
    (root / ".dvc/config.local").write_text("[core]\n    remote = mine\n['remote \"mine\"']\n    url = /somewhere\n")
    with open_room(root, []) as room, Repo(str(room.root)) as inner, Repo(str(root)) as outer:
        assert inner.cache.local_cache_dir == outer.cache.local_cache_dir
        assert inner.config["remote"]["mine"]["url"] == "/somewhere"
        assert Path(inner.site_cache_dir).is_relative_to(root / ROOMS)


def test_what_is_kept_is_a_dvc_experiment_of_the_workspace_and_the_next_begins_as_the_first_did(root: Path) -> None:
    with open_room(root, []) as room:
        (room.root / "code.py").write_text("tried")
        (room.root / "more.txt").write_text("x")
        commit = room.keep(ref_of(room.head, "one"), "a trial")
        room.reset()
        assert (room.root / "code.py").read_text() == "old" and not (room.root / "more.txt").exists()
    assert git(root, "show", f"{commit}:code.py") == "tried"
    assert git(root, "status", "--porcelain") == ""
    with Repo(str(root)) as repo:
        assert [found for names in repo.experiments.ls().values() for found in names] == [("one", commit)]


def test_two_at_once_have_a_room_each_and_neither_is_left(root: Path) -> None:
    with open_room(root, []) as one, open_room(root, []) as other:
        assert one.top != other.top
    assert sorted(str(path.relative_to(root / ROOMS)) for path in (root / ROOMS).rglob("*")) == ["0", "0/lock", "1", "1/lock"]


def test_what_a_killed_command_has_left_is_swept_out(root: Path) -> None:
    left = root / ROOMS / "0" / "up" / "large"
    left.parent.mkdir(parents=True)
    left.write_text("large")
    with open_room(root, []):
        assert not left.exists()


def test_without_a_commit_it_is_said_what_to_do(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    with pytest.raises(ConfigError, match="git commit"):
        head_of(tmp_path)
