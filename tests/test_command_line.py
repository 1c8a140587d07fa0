"""What a user sees for each mistake: one paragraph that names the file, the value and the remedy, and an exit code."""

import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from workspace import Workspace, make_workspace

from dl_assets.index import write_index
from dl_assets.operations.sound import require_sound

PETS = """\
task: image_classification
source: {kind: folder, path: photos}
clean: {image_size: 8, channels: 1, min_side: 8, max_rejected: 0.2}
split: {}
augment: []
model: {name: cnn, width: 8}
train: {epochs: 1, batch_size: 8}
evaluate: {bootstrap_samples: 100}
export: {}
schedule: {}
"""
# Run in a workspace: print the checks of every run as JSON, oldest first.
CHECKS = """
import json, dagster as dg
with dg.DagsterInstance.get() as instance:
    records = instance.get_event_records(dg.EventRecordsFilter(dg.DagsterEventType.ASSET_CHECK_EVALUATION), ascending=True)
    found = [record.event_log_entry.dagster_event.event_specific_data for record in records]
print(json.dumps([[check.check_name, check.passed, check.severity.value] for check in found]))
"""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_workspace(tmp_path_factory.mktemp("project") / "w")


@pytest.fixture
def project(shared: Workspace) -> Iterator[Workspace]:
    """A project with the pipeline `pets` of 24 photos that was found sound; nothing has run."""
    for path in (*shared.root.glob("pipelines/*"), *map(shared.root.joinpath, ("data", "photos", "dvc.lock", ".dvc/cache"))):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    shared.write_pipeline("pets", PETS)
    write_photos(shared.root / "photos", cat=12, dog=12)
    write_index(shared.root)
    require_sound("pets", shared.root)  # else every `dl run` builds the model once more, which takes seconds
    yield shared
    for process in shared.processes():
        process.kill()


def write_photos(folder: Path, **counts: int) -> None:
    rng = np.random.default_rng(17)
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for index in range(count):
            Image.fromarray(rng.integers(0, 256, (16, 16), dtype=np.uint8)).save(folder / name / f"{index:02}.png")


def damage(folder: Path) -> None:
    """Add three files that are no photos."""
    (folder / "cat" / "nothing.png").write_bytes(b"")
    (folder / "cat" / "letter.jpg").write_text("Dear cat, ...")
    photo = (folder / "cat" / "00.png").read_bytes()
    (folder / "cat" / "half.png").write_bytes(photo[: len(photo) // 2])


def ask(project: Workspace, *command: str, code: int, says: tuple[str, ...]) -> str:
    """Run a command that must fail; return the one error that it tells."""
    result = project.call("dl", *command, check=False)
    told = result.stdout + result.stderr
    assert result.returncode == code, told
    assert "Traceback" not in told
    _, *errors = f"\n{told}".split("\nERROR: ")
    assert len(errors) == 1, told
    for words in says:
        assert words in errors[0], told
    return errors[0]


def output_of(project: Workspace, *command: str) -> tuple[int, str]:
    """Exit code and standard output alone, which is what a program reads."""
    result = project.call("dl", *command, check=False)
    return result.returncode, result.stdout


def fingerprint(folder: Path) -> dict[str, str]:
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*")) if path.is_file()}


def results(project: Workspace, pipeline: str = "pets") -> set[str]:
    return {path.name for path in (project.root / "data" / pipeline).glob("*")} - {"reports"}


# ---- the pipeline file -----------------------------------------------------------------------------------------


def test_all_mistakes_of_a_file_are_told_alike_by_every_command(project: Workspace) -> None:
    shutil.rmtree(project.root / "data")
    project.edit_pipeline("pets", "epochs: 1, batch_size: 8", "epoch: 1, batch_size: ten")
    project.edit_pipeline("pets", "name: cnn", "name: cnm")
    says = (
        "pipelines/pets.yaml has 3 problems:",
        "pipelines/pets.yaml:6: model.name is 'cnm', did you mean 'cnn'? Allowed: backbone, cnn, fnn, ",
        "pipelines/pets.yaml:7: train.epoch is not known here, did you mean 'epochs'? Allowed: epochs, ",
        "pipelines/pets.yaml:7: train.batch_size is 'ten', but must be a whole number such as 3.",
    )
    for command in (("check", "pets"), ("run", "pets"), ("run", "pets", "--dagster")):
        ask(project, *command, code=2, says=says)
    assert not (project.root / "data").exists()


def test_two_files_of_one_name_stop_that_pipeline_and_no_other(project: Workspace) -> None:
    project.write_pipeline("twice", PETS).with_suffix(".yml").write_text(PETS)
    says = ("pipelines/twice.yaml and pipelines/twice.yml claim the same name 'twice'", "Rename or delete one of them.")
    for command in (("check",), ("run", "twice")):
        ask(project, *command, code=2, says=says)
    told = project.call("dl", "run", "pets", "ingest").stdout
    assert "Raw          data/pets/raw" in told


def test_a_broken_file_does_not_stop_another_pipeline(project: Workspace) -> None:
    project.write_pipeline("broken", PETS)
    write_index(project.root)
    project.write_pipeline("broken", "task: [")
    told = project.call("dl", "run", "pets", "ingest").stderr
    assert "WARNING: pipelines/broken.yaml:1: not valid YAML" in told
    assert results(project) == {"raw"}
    ask(project, "run", "broken", code=2, says=("pipelines/broken.yaml:1: not valid YAML",))
    status = json.loads(output_of(project, "status", "--json")[1])
    assert status["ingest@pets"] == []
    assert "not valid YAML" in status["ingest@broken"][0]


def test_a_stale_index_is_told_by_dvc_and_mended_by_a_run(project: Workspace) -> None:
    write_photos(project.root / "others", cat=3, dog=3)
    project.edit_pipeline("pets", "path: photos", "path: others")
    told = project.run("dvc", "repro", check=False)
    says = "index.yaml is stale: for 'pets' it says input: photos, but pipelines/pets.yaml says others. Run: dl sync"
    assert told.returncode != 0 and says in told.stdout
    ask(project, "check", code=2, says=(says,))
    project.call("dl", "run", "pets", "ingest")
    shutil.rmtree(project.root / "others")


def test_a_pipeline_whose_file_was_deleted_is_told_and_forgotten(project: Workspace) -> None:
    project.write_pipeline("gone", PETS)
    write_index(project.root)
    (project.root / "pipelines" / "gone.yaml").unlink()
    ask(project, "check", code=2, says=("it lists 'gone', but pipelines/gone.yaml does not exist. Run: dl sync",))
    ask(project, "run", "gone", code=2, says=("pipelines/gone.yaml does not exist", "Pipelines: pets."))
    project.call("dl", "check")


# ---- the data --------------------------------------------------------------------------------------------------


def test_a_source_that_is_not_there_is_told_with_the_file_that_names_it(project: Workspace) -> None:
    shutil.rmtree(project.root / "photos")
    for command in (("check",), ("run", "pets")):
        ask(project, *command, code=2, says=("pipelines/pets.yaml: source.path", "photos", "does not exist. Put"))
    assert results(project) == set()


def test_an_empty_source_is_told_with_the_file_that_names_it(project: Workspace) -> None:
    shutil.rmtree(project.root / "photos")
    (project.root / "photos").mkdir()
    ask(project, "run", "pets", code=2, says=("pipelines/pets.yaml: source.path: photos holds no files. Put the data into it",))
    assert results(project) == set()


def test_a_class_of_one_photo_is_told_in_the_same_words_through_both_doors(project: Workspace) -> None:
    shutil.rmtree(project.root / "photos")
    write_photos(project.root / "photos", cat=12, dog=1)
    says = ("pipelines/pets.yaml: class 'dog' has 1 sample", "Add samples of 'dog'")
    told = {ask(project, "run", "pets", "split", *door, code=2, says=says) for door in ((), ("--dagster",))}
    assert len(told) == 1
    assert results(project) == {"raw", "clean"}


def test_damaged_files_are_rejected_one_by_one_and_the_run_goes_on(project: Workspace) -> None:
    damage(project.root / "photos")
    project.call("dl", "run", "pets", "clean")
    rejected = pl.read_parquet(project.root / "data" / "pets" / "clean" / "rejected.parquet")
    assert dict(rejected.select("origin", "reason").iter_rows()) == {
        "cat/nothing.png": "unreadable",
        "cat/letter.jpg": "unreadable",
        "cat/half.png": "truncated",
    }
    assert all(rejected["detail"])


def test_too_many_rejected_files_fail_the_run_through_both_doors_and_lose_nothing(project: Workspace) -> None:
    project.call("dl", "run", "pets", "clean")
    before = fingerprint(project.root / "data" / "pets" / "clean")
    damage(project.root / "photos")
    project.edit_pipeline("pets", "max_rejected: 0.2", "max_rejected: 0.05")
    says = ("pets: the clean stage did not pass 1 check. rejected_share: found 0.111111, allowed 0.05.", "cat/half.png")
    says = (*says, "or raise clean.max_rejected", "What it wrote is kept in data/.tmp/pets/clean.failed/clean")
    for door in ((), ("--dagster",)):
        told = ask(project, "run", "pets", "clean", *door, code=1, says=says)
        log = (project.root / told.rpartition("The whole log: ")[2].strip()).read_text()
        assert log.count("> python -m dl_assets stage clean pets") == 1
    assert results(project) == {"raw", "clean"}
    assert fingerprint(project.root / "data" / "pets" / "clean") == before
    report = json.loads((project.root / "data" / "pets" / "reports" / "clean.json").read_text())
    assert report["checks"]["rejected_share"]["passed"] is False
    recorded = json.loads(project.run(sys.executable, "-c", CHECKS).stdout.splitlines()[-1])
    assert recorded[-4:].count(["rejected_share", False, "ERROR"]) == 1


# ---- where it runs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("place", "door"), [("data", ()), ("data/pets", ("--dagster",))])
def test_a_file_where_the_results_belong_is_told_and_kept(project: Workspace, place: str, door: tuple[str, ...]) -> None:
    shutil.rmtree(project.root / "data")
    path = project.root / place
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    ask(project, "run", "pets", *door, code=2, says=(place, "a file is where a folder must be", "Move the file away"))
    assert path.read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_told(project: Workspace) -> None:
    (project.root / "data" / "pets").mkdir(parents=True, mode=0o500)
    ask(project, "run", "pets", "ingest", code=2, says=("data/pets", "cannot be written", "Give yourself the right"))
    (project.root / "data" / "pets").chmod(0o700)


def test_outside_of_a_project_every_command_names_the_right_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    for command in (("check",), ("status",), ("sync",), ("run", "pets"), ("ui",), ("new", "pets", "--source", "digits")):
        ask(Workspace(tmp_path), *command, code=2, says=("There is no folder pipelines/ in", "the folder that holds dvc.yaml"))


@pytest.mark.parametrize(
    ("place", "content", "says"),
    [
        (".git", None, "is in no Git repository, and DVC needs one. Run: git init"),
        (".dvc", None, "has no folder .dvc"),
        ("dvc.yaml", None, "dvc.yaml has no stages for 'pets'. Take back what you changed: git checkout dvc.yaml"),
        ("dvc.yaml", "stages: [", "'dvc.yaml', YAML file structure is corrupted. Mend the file, or take back"),
        ("dvc.lock", "<<<<<<< HEAD", "'./dvc.lock' validation failed. Mend the file, or take back"),
    ],
)
def test_a_project_that_dvc_cannot_read_is_told(project: Workspace, place: str, content: str | None, says: str) -> None:
    path, aside = project.root / place, project.root / "aside"
    if path.exists():
        path.rename(aside)
    if content:
        path.write_text(content)
    ask(project, "status", "pets", code=2, says=(says,))
    if aside.exists():
        aside.replace(path)


# ---- the command line ------------------------------------------------------------------------------------------


def test_an_unknown_pipeline_is_told_with_the_nearest(project: Workspace) -> None:
    for command in (("check", "petz"), ("run", "petz"), ("status", "petz")):
        ask(project, *command, code=2, says=("pipelines/petz.yaml does not exist, did you mean 'pets'? Pipelines: pets.",))


def test_an_unknown_stage_is_told_with_the_nearest(project: Workspace) -> None:
    ask(project, "run", "pets", "claen", code=2, says=("stage 'claen' is not known, did you mean 'clean'? Allowed: ingest, ",))


def test_a_new_pipeline_is_refused_with_what_would_do(project: Workspace) -> None:
    new = ("new", "--source")
    ask(project, *new, "photos", "pets", code=2, says=("pipelines/pets.yaml exists already", "Choose another name"))
    ask(project, *new, "photos", "My Pets", code=2, says=("'My Pets' is no name for a pipeline", "for instance: my_pets"))
    ask(
        project,
        *new,
        "photoz",
        "more",
        code=2,
        says=("There is neither a folder nor a file 'photoz'", "one folder of files for each class"),
    )
    assert {path.name for path in (project.root / "pipelines").iterdir()} == {"index.yaml", "pets.yaml"}


def test_a_run_stops_after_the_stage_that_was_named_and_tells_programs_in_json(project: Workspace) -> None:
    code, lines = output_of(project, "run", "pets", "ingest", "--json")
    events = [json.loads(line) for line in lines.splitlines()]
    assert code == 0 and results(project) == {"raw"}
    assert {event["address"] for event in events[:-1]} == {"ingest@pets"}
    assert events[-1] == {"kind": "summary", "metrics": None, "certificate": None, "places": {"raw": "data/pets/raw"}}
    project.edit_pipeline("pets", "min_side: 8", "min_side: 17")
    code, lines = output_of(project, "run", "pets", "clean", "--json")
    failed = next(event for line in lines.splitlines() if (event := json.loads(line))["kind"] == "error")
    assert code == failed["exit_code"] == 1 and "rejected_share" in failed["message"]


def test_the_check_lists_its_problems_as_json(project: Workspace) -> None:
    code, text = output_of(project, "check", "pets", "--json")
    assert code == 0 and json.loads(text) == {"problems": []}
    project.edit_pipeline("pets", "path: photos", "path: photoz")
    code, text = output_of(project, "check", "pets", "--json")
    assert code == 2 and "pipelines/index.yaml is stale" in json.loads(text)["problems"][0]


def test_the_status_says_why_a_stage_would_run(project: Workspace) -> None:
    project.call("dl", "run", "pets", "clean")
    project.edit_pipeline("pets", "path: photos", "path: ./photos")
    code, text = output_of(project, "status", "pets", "--json")
    status = json.loads(text)
    assert code == 0
    assert "pipelines/pets.yaml: source modified" in status["ingest@pets"][0]
    assert status["clean@pets"] == ["ingest would run before it"]
    assert status["train@pets"] == ["has not run yet"]
    assert "would run: has not run yet" in project.call("dl", "status").stdout


def test_debug_shows_the_traceback_of_a_command_and_of_a_stage(project: Workspace) -> None:
    told = project.run("dl", "--debug", "run", "petz", check=False)
    assert told.returncode == 2 and "Traceback" in told.stdout and "ConfigError" in told.stdout
    shutil.rmtree(project.root / "photos" / "dog")
    told = project.run("dl", "--debug", "run", "pets", "ingest", check=False)
    assert told.returncode == 2 and "in find_layout" in told.stdout


def test_an_interrupted_run_says_so_and_leaves_no_half_result(project: Workspace) -> None:
    process = project.start("dl", "run", "pets")
    assert process.stdout
    while (line := process.stdout.readline()) != "ingest@pets: done\n":
        assert line, "the run ended before ingest was done"
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "ERROR: stopped. What was not finished is thrown away; run it again to complete it." in rest
    assert "Traceback" not in rest
    assert results(project) == {"raw"}
    assert not project.processes("dl_assets")


def test_a_port_that_is_taken_is_told(workspace: Workspace) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = workspace.run("dl", "ui", "--port", str(port), check=False)
    assert result.returncode == 2
    assert f"http://127.0.0.1:{port} cannot be served (Address already in use)" in result.stdout
