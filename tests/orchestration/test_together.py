"""Several runs at once in one repository."""

from typing import Any

from workspace import DIGITS, wait_for


def are_done(workspace: Any, stage: str, *pipelines: str) -> bool:
    return workspace.changed_in_dvc(*(f"{stage}@{name}" for name in pipelines)) == set()


def test_two_pipelines_run_at_once_through_different_doors(workspace: Any) -> None:
    workspace.write_pipeline("again", DIGITS.replace("seed: 17", "seed: 3"))
    workspace.call("dl", "sync")
    first = workspace.start("dl", "run", "digits", "train", "--dagster")
    second = workspace.start("dl", "run", "again", "train")
    outputs = [process.communicate(timeout=240)[0] for process in (first, second)]
    assert first.returncode == 0, outputs[0]
    assert second.returncode == 0, outputs[1]
    assert are_done(workspace, "train", "digits", "again")


def test_a_dvc_repro_of_another_pipeline_succeeds_during_a_dagster_run(workspace: Any) -> None:
    workspace.write_pipeline("again", DIGITS)
    workspace.call("dl", "sync")
    process = workspace.start("dl", "run", "digits", "augment", "--dagster")
    wait_for(lambda: (workspace.root / "data/digits/raw").exists(), what="the run to begin")
    workspace.run("dvc", "repro", "augment@again")
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 0, output
    assert are_done(workspace, "augment", "digits", "again")


def test_the_same_pipeline_started_twice_waits_and_runs_once(workspace: Any) -> None:
    processes = [workspace.start("dl", "run", "digits", "train", *door) for door in ((), ("--dagster",))]
    outputs = [process.communicate(timeout=240)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert sum(output.count("train@digits: running") for output in outputs) == 1
    assert are_done(workspace, "train", "digits")
