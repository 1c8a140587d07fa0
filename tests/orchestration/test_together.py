"""Several runs at once in one repository."""

from typing import Any

from workspace import DIGITS, wait_for


def are_trained(workspace: Any, *pipelines: str) -> bool:
    status = workspace.run("dvc", "status", *(f"train@{name}" for name in pipelines)).stdout
    return "up to date" in status


def test_two_pipelines_run_at_once_through_different_doors(workspace: Any) -> None:
    workspace.write_pipeline("again", DIGITS.replace("seed: 17", "seed: 3"))
    workspace.run("dl", "sync")
    first = workspace.start("dl", "run", "digits", "train", "--dagster")
    second = workspace.start("dl", "run", "again", "train")
    outputs = [process.communicate(timeout=240)[0] for process in (first, second)]
    assert first.returncode == 0, outputs[0]
    assert second.returncode == 0, outputs[1]
    assert are_trained(workspace, "digits", "again")


def test_a_dvc_repro_of_another_pipeline_succeeds_during_a_dagster_run(workspace: Any) -> None:
    workspace.write_pipeline("again", DIGITS)
    workspace.run("dl", "sync")
    process = workspace.start("dl", "run", "digits", "train", "--dagster")
    wait_for(lambda: (workspace.root / "data/digits/raw").exists(), what="the run to begin")
    workspace.run("dvc", "repro", "train@again")
    output, _ = process.communicate(timeout=240)
    assert process.returncode == 0, output


def test_the_same_pipeline_started_twice_waits_and_runs_once(workspace: Any) -> None:
    processes = [workspace.start("dl", "run", "digits", "train", *door) for door in ((), ("--dagster",))]
    outputs = [process.communicate(timeout=240)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert sum(output.count("train@digits: running") for output in outputs) == 1
    assert are_trained(workspace, "digits")
