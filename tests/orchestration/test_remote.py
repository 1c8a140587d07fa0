"""Artifacts and champions go to an S3 bucket, and come back in a clone of somebody else."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from contest import Contest, answers
from workspace import Workspace

from dl_assets.errors import ConfigError
from dl_assets.orchestration.champion import promote, restore
from dl_assets.orchestration.remote import pull, push

BUCKET = "artifacts"


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The address of an S3 server of our own, in this process; it has one bucket."""
    moto = pytest.importorskip("moto.server", reason="pip install 'moto[server]'")
    pytest.importorskip("dvc_s3", reason="pip install 'dl-assets[s3]'")
    import boto3

    server = moto.ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        boto3.client("s3", endpoint_url=f"http://{host}:{port}").create_bucket(Bucket=BUCKET)
        yield f"http://{host}:{port}"
    server.stop()


def use(root: Path, address: str) -> None:
    (root / ".dvc/config.local").write_text(
        f"[core]\n    remote = storage\n['remote \"storage\"']\n    url = s3://{BUCKET}/dvc\n    endpointurl = {address}\n"
    )


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_one_pushed_another_pulls_and_neither_trains_nor_promotes_anew(ran: Any, s3: str, tmp_path: Path) -> None:
    ran.call("dl", "promote", "digits", "--force")
    use(ran.root, s3)
    assert "Copied 0 files" not in ran.run("dl", "push", "digits").stdout  # a process each: S3 leaves threads behind
    assert "Copied 0 files" in ran.run("dl", "push").stdout
    ran.run("git", "add", ".")
    ran.run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "-m", "ran")

    ran.run("git", "clone", "-q", str(ran.root), str(tmp_path / "clone"))
    clone = Workspace(tmp_path / "clone")
    use(clone.root, s3)
    assert not (clone.root / "data/digits/model").exists()
    clone.run("dl", "pull")
    assert clone.dvc_is_clean()
    for artifact in ("raw", "clean", "parts", "augmented", "model", "evaluation", "exported", "champion"):
        assert content(clone.root / "data/digits" / artifact) == content(ran.root / "data/digits" / artifact) != {}


@pytest.fixture
def crowned(contest: Contest) -> Contest:
    """A pipeline with two champions, of which the second serves."""
    for wrong in (20, 10):
        contest.export(answers(wrong))
        promote("pets", contest.root)
    return contest


def test_a_champion_that_is_missing_or_another_one_is_replaced_by_the_one_that_git_names(crowned: Contest) -> None:
    before = crowned.champion()
    shutil.rmtree(crowned.folder / "champion")
    restore("pets", crowned.root)
    assert crowned.champion() == before
    (crowned.folder / "champion/model.onnx").write_bytes(b"another")
    restore("pets", crowned.root)
    assert crowned.champion() == before
    assert len(crowned.json("promotions.json")) == 2


def test_without_a_remote_it_is_told_how_to_name_one(ran_once: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ran_once.root)
    for command in (push, pull):
        with pytest.raises(ConfigError, match="dvc remote add -d storage"):
            command("digits", Path())
    with pytest.raises(ConfigError, match="no stages for 'digit'"):
        push("digit", Path())


def test_a_remote_that_does_not_answer_is_one_clear_error(ran: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("dvc_s3", reason="pip install 'dl-assets[s3]'")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    use(ran.root, "http://127.0.0.1:9")
    found = ran.run("dl", "push", "digits", check=False)
    assert found.returncode == 1
    assert re.search(r"ERROR: dl push failed: .*\n?.*the same\s+command goes on", found.stdout)
