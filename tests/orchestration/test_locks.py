"""DVC's locks after a kill -9."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from dvc.repo import Repo
from dvc.utils.serialize import dump_yaml, load_yaml

from dl_assets.orchestration.locks import atomic_dvc_lock, forget_dead_holders


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo.init(str(tmp_path), no_scm=True)


def write_holders(repo: Repo, *pids: int) -> Path:
    path = Path(repo.tmp_dir) / "rwlock"
    holders = [{"pid": pid, "cmd": "dvc repro"} for pid in pids]
    path.write_text(json.dumps({"write": {"/x/model": holders[0]}, "read": {"/x/clean": holders}}))
    return path


def test_the_entry_of_an_unrelated_process_of_the_same_number_is_forgotten(repo: Repo) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        path = write_holders(repo, stranger.pid)
        assert forget_dead_holders(repo) == [stranger.pid]
        assert json.loads(path.read_text()) == {"write": {}, "read": {}}
        stranger.kill()


def test_the_entry_of_a_process_that_runs_dvc_here_is_kept(repo: Repo) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()  # dvc repro"], stdin=subprocess.PIPE, cwd=repo.root_dir) as holder:
        path = write_holders(repo, holder.pid)
        before = path.read_text()
        assert forget_dead_holders(repo) == []
        assert json.loads(path.read_text()) == json.loads(before)
        holder.kill()


def test_half_a_lock_file_of_a_killed_writer_is_removed(repo: Repo) -> None:
    path = Path(repo.tmp_dir) / "rwlock"
    path.write_text('{"write": {"/x/mo')
    assert forget_dead_holders(repo) == []
    assert not path.exists()


def test_a_failed_write_leaves_the_old_dvc_lock(tmp_path: Path) -> None:
    path = tmp_path / "dvc.lock"
    with atomic_dvc_lock():
        dump_yaml(path, {"stages": {"a": 1}})
        with pytest.raises(Exception, match="cannot represent"):
            dump_yaml(path, {"stages": {"a": 2, "b": object()}})
    assert load_yaml(path) == {"stages": {"a": 1}}


def test_after_the_atomic_writer_dvc_writes_as_before() -> None:
    import dvc.utils.serialize._yaml as yaml_format

    before = yaml_format._dump_data
    with atomic_dvc_lock():
        assert yaml_format._dump_data is not before
    assert yaml_format._dump_data is before
