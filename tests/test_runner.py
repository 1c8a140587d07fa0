"""A stage is run whole or not at all: what was there before stays until the new result is complete."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import psutil
import pytest
from PIL import Image

from dl_assets import files, progress
from dl_assets.errors import ArtifactError, CheckFailed, ConfigError
from dl_assets.index import write_index
from dl_assets.runner import run_stage

PIPELINE = """\
task: image_classification
source: {kind: folder, path: photos}
clean: {image_size: 16, exact_duplicates: keep, near_duplicates: keep, min_class_size: 2}
split: {}
augment: []
model: {name: cnn}
train: {}
evaluate: {}
export: {}
schedule: {}
"""
CLEAN = Path("data/pets/clean")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project with a pipeline of twelve small pictures, in which nothing has run."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(progress.ADDRESS, "")
    (tmp_path / "pipelines").mkdir()
    edit(tmp_path, "", "")
    rng = np.random.default_rng(17)
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for index in range(6):
            Image.fromarray(rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)).save(tmp_path / "photos" / name / f"{index}.png")
    write_index(tmp_path)
    yield tmp_path
    for process in psutil.Process().children(recursive=True):
        process.kill()


@pytest.fixture
def slow(root: Path) -> Path:
    """The same with large photos, of which `clean` takes some seconds to decode all."""
    photo = root / "photos" / "dog" / "large.jpg"
    Image.linear_gradient("L").resize((4000, 4000)).convert("RGB").save(photo)
    for index in range(40):
        (root / "photos" / "dog" / f"large{index}.jpg").write_bytes(photo.read_bytes() + bytes([index]))  # all different
    run_stage("ingest", "pets")
    return root


def edit(root: Path, old: str, new: str) -> None:
    (root / "pipelines" / "pets.yaml").write_text(PIPELINE.replace(old, new))


def start(*arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "dl_assets", "stage", *arguments], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def start_clean() -> "subprocess.Popen[str]":
    """Start the clean stage; return when it is in the middle of its work."""
    process = start("clean", "pets")
    wait_until_working(process)
    return process


def wait_until_working(process: "subprocess.Popen[str]") -> None:
    pixels = Path("data/.tmp/pets/clean/clean/pixels-00000.npy")
    while not pixels.exists():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.01)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def checks(stage: str) -> dict[str, bool]:
    report = json.loads(Path(f"data/pets/reports/{stage}.json").read_text())
    return {name: check["passed"] for name, check in report["checks"].items()}


def test_a_stage_leaves_its_artifact_its_report_and_nothing_else(root: Path) -> None:
    run_stage("ingest", "pets")
    run_stage("clean", "pets")
    assert set(content(CLEAN)) == {"samples.parquet", "rejected.parquet", "flagged.parquet", "pixels-00000.npy"}
    assert checks("clean") == {"rejected_share": True, "class_size": True, "class_imbalance": True, "labels_used": True}
    assert {path.name for path in Path("data/pets").iterdir()} == {"raw", "clean", "reports"}
    assert {path.name for path in Path("data/pets/reports").iterdir()} == {"ingest.json", "clean.json", "clean"}
    assert Path("data/pets/reports/clean/clean.html").exists()
    assert {path.name for path in Path("data/.tmp/pets").iterdir()} == {"ingest.memo", "clean.memo"}


def test_a_second_run_decodes_nothing_again(root: Path) -> None:
    run_stage("ingest", "pets")
    run_stage("clean", "pets")
    before = content(CLEAN)
    for path in Path("data/pets/raw").glob("payload-*"):
        path.unlink()  # what was not remembered would be missed
    run_stage("clean", "pets")
    assert content(CLEAN) == before


def test_a_stage_may_read_its_own_last_result(root: Path) -> None:
    edit(root, "split: {}", "split: {seed: 1}")
    for stage in ("ingest", "clean", "split"):
        run_stage(stage, "pets")
    parts = Path("data/pets/parts/parts.parquet")
    before = pl.read_parquet(parts)
    exchanged = before.with_columns(part=pl.col("part").replace({"val": "test", "test": "val"}))
    exchanged.with_columns(fold=pl.when(part="test").then(None).otherwise(pl.col("fold").fill_null(0))).write_parquet(parts)
    run_stage("split", "pets")
    assert pl.read_parquet(parts)["part"].to_list() == exchanged["part"].to_list() != before["part"].to_list()


def test_a_second_run_replaces_the_whole_artifact(root: Path) -> None:
    run_stage("ingest", "pets")
    run_stage("clean", "pets")
    (CLEAN / "left over").touch()
    run_stage("clean", "pets")
    assert "left over" not in content(CLEAN)


def test_a_result_that_is_a_link_is_replaced_and_not_written_through(root: Path) -> None:
    run_stage("ingest", "pets")
    run_stage("clean", "pets")
    CLEAN.rename("cache")
    CLEAN.symlink_to(Path("cache").resolve())
    before = content(Path("cache"))
    edit(root, "image_size: 16", "image_size: 8")
    run_stage("clean", "pets")
    assert not CLEAN.is_symlink()
    assert content(Path("cache")) == before != content(CLEAN)


def test_a_stage_that_fails_leaves_the_previous_result(root: Path) -> None:
    run_stage("ingest", "pets")
    run_stage("clean", "pets")
    before = content(CLEAN)
    Path("data/pets/raw/samples.parquet").write_bytes(b"half a fi")
    with pytest.raises(ArtifactError, match=r"samples\.parquet cannot be read"):
        run_stage("clean", "pets")
    assert content(CLEAN) == before


def test_a_failed_check_keeps_the_previous_result_and_shows_the_new_one(root: Path) -> None:
    run_stage("ingest", "pets")
    run_stage("clean", "pets")
    before = content(CLEAN)
    edit(root, "image_size: 16", "image_size: 16, min_side: 100")
    with pytest.raises(CheckFailed, match=r"1 check\. rejected_share: .* kept in data/\.tmp/pets/clean\.failed/clean"):
        run_stage("clean", "pets")
    assert content(CLEAN) == before
    assert "rejected.parquet" in content(Path("data/.tmp/pets/clean.failed/clean"))
    assert not checks("clean")["rejected_share"]
    edit(root, "", "")
    run_stage("clean", "pets")
    assert checks("clean")["rejected_share"]
    assert not Path("data/.tmp/pets/clean.failed").exists()


@pytest.mark.parametrize("has_previous", [False, True])
def test_a_kill_in_the_middle_leaves_no_half_artifact_and_the_next_run_works(slow: Path, has_previous: bool) -> None:
    before = {}
    if has_previous:
        run_stage("clean", "pets")
        before = content(CLEAN)
    process = start_clean()
    process.kill()
    process.communicate()
    assert (content(CLEAN) if CLEAN.exists() else {}) == before
    run_stage("clean", "pets")
    assert set(content(CLEAN)) == {"samples.parquet", "rejected.parquet", "flagged.parquet", "pixels-00000.npy"}


def test_a_terminated_stage_ends_at_once_without_a_result(slow: Path) -> None:
    process = start_clean()
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in output
    assert not CLEAN.exists()


@pytest.mark.parametrize("shell", [False, True], ids=["direct", "through a shell as DVC does"])
def test_a_stage_ends_with_the_process_that_started_it(slow: Path, shell: bool) -> None:
    stage = [sys.executable, "-m", "dl_assets", "stage", "clean", "pets"]
    code = f"import subprocess; subprocess.run({(shlex.join(stage) if shell else stage)!r}, shell={shell})"
    parent = subprocess.Popen([sys.executable, "-c", code], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    wait_until_working(parent)
    processes = psutil.Process(parent.pid).children(recursive=True)
    assert processes
    parent.kill()
    parent.wait()
    _, alive = psutil.wait_procs(processes, timeout=30)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]
    assert not CLEAN.exists()


def test_a_second_run_of_a_stage_waits_for_the_first(slow: Path) -> None:
    first = start_clean()
    first.send_signal(signal.SIGSTOP)
    second = start("clean", "pets")
    assert second.stdout
    assert second.stdout.readline() == "waiting for another process that runs pets.clean\n"
    assert not CLEAN.exists()
    first.send_signal(signal.SIGCONT)
    assert "waiting" not in first.communicate(timeout=30)[0]
    second.communicate(timeout=30)
    assert (first.returncode, second.returncode) == (0, 0)
    assert set(content(CLEAN)) == {"samples.parquet", "rejected.parquet", "flagged.parquet", "pixels-00000.npy"}


def test_a_missing_input_is_told_with_the_command_that_makes_it(root: Path) -> None:
    with pytest.raises(ArtifactError, match=r"data/pets/raw does not exist\. Make it first: dl run pets ingest"):
        run_stage("clean", "pets")


def test_an_unknown_stage_is_told_with_the_nearest(root: Path) -> None:
    with pytest.raises(ConfigError, match=r"stage 'claen' is not known, did you mean 'clean'\?"):
        run_stage("claen", "pets")


def test_a_stale_index_is_told_with_the_command_that_mends_it(root: Path) -> None:
    edit(root, "path: photos", "path: pictures")
    process = start("ingest", "pets")
    output, _ = process.communicate()
    assert process.returncode == 2
    assert output.startswith("ERROR: pipelines/index.yaml is stale: ")
    assert "Run: dl sync" in output
    assert "Traceback" not in output


def test_a_broken_file_is_told_in_full_before_the_index(root: Path) -> None:
    edit(root, "name: cnn}\ntrain: {}", "name: cn}\ntrain: {epochs: 0}")
    with pytest.raises(ConfigError, match="has 2 problems"):
        run_stage("ingest", "pets")


@pytest.mark.parametrize("place", ["data", "data/pets", "data/.tmp"])
def test_a_file_in_the_place_of_a_folder_is_told(root: Path, place: str) -> None:
    Path(place).parent.mkdir(exist_ok=True)
    Path(place).touch()
    with pytest.raises(ConfigError, match=r"a file is where a folder must be .* Move the file away") as error:
        run_stage("ingest", "pets")
    assert error.value.exit_code == 2


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere; the test above holds for root too")
def test_a_folder_that_may_not_be_written_is_told(root: Path) -> None:
    Path("data").mkdir(mode=0o555)
    with pytest.raises(ConfigError, match=r"data.* cannot be written \(Permission denied\)"):
        run_stage("ingest", "pets")


def test_a_disk_without_room_is_told_and_the_previous_result_stays(root: Path) -> None:
    run_stage("ingest", "pets")
    before = content(Path("data/pets/raw"))
    # A limit on the size of a file stands in for a full disk: the write fails in the middle.
    code = (
        "import resource, signal, runpy, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000));"
        "sys.argv = ['dl', 'stage', 'ingest', 'pets']; runpy.run_module('dl_assets', run_name='__main__')"
    )
    failed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert failed.returncode == 2, failed.stderr
    assert "data/pets cannot be written (File too large). Free some space" in failed.stderr
    assert content(Path("data/pets/raw")) == before


# ---- files -----------------------------------------------------------------------------------------------------


def test_text_is_replaced_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    files.replace_text(tmp_path / "a.txt", "one")
    files.replace_text(tmp_path / "a.txt", "zw\u00f6lf")
    assert content(tmp_path) == {"a.txt": "zw\u00f6lf".encode()}


def test_text_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    files.replace_text(tmp_path / "a.txt", "one")
    with pytest.raises(UnicodeEncodeError):
        files.replace_text(tmp_path / "a.txt", "two \udcff")
    assert (tmp_path / "a.txt").read_text() == "one"


@pytest.mark.parametrize("kind", ["file", "folder", "link to a folder", "nothing"])
def test_removing_never_follows_a_link(tmp_path: Path, kind: str) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "a").touch()
    path = tmp_path / "path"
    {
        "file": path.touch,
        "folder": path.mkdir,
        "link to a folder": lambda: path.symlink_to(tmp_path / "kept"),
        "nothing": lambda: None,
    }[kind]()
    files.remove(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept" / "a").exists()
