"""kill -9 of any process in the middle of training: nothing half-written is taken for good, nobody is left behind,
and the next run completes."""

import signal
from typing import Any

import psutil
import pytest
from workspace import wait_for

LONG = "epochs: 2000"
DAGSTER = ("dl", "run", "digits", "train", "--dagster")


def start_training(workspace: Any, *command: str) -> Any:
    """Start a run that would train for a very long time, and return when it has finished its first epochs."""
    workspace.edit_pipeline("digits", "epochs: 2", LONG)
    process = workspace.start(*command)
    history = workspace.root / "data/.tmp/digits/train/model/history.csv"
    wait_for(
        lambda: (history.is_file() and len(history.read_text().splitlines()) > 2) or process.poll() is not None,
        what="training to start",
    )
    assert process.poll() is None, process.stdout.read()
    return process


def completes_after(workspace: Any, *command: str) -> None:
    """No orphan is left, the half-finished model is not there, and the same command now succeeds."""
    wait_for(lambda: not workspace.processes("dl_assets stage"), 20, "the stage to end")
    wait_for(lambda: not workspace.processes("dl_assets.orchestration.reproduce"), 20, "DVC to end")
    assert not (workspace.root / "data/digits/model").exists()
    workspace.edit_pipeline("digits", LONG, "epochs: 3")
    workspace.run(*command)
    assert "train@digits" not in workspace.run("dvc", "status", "train@digits").stdout
    assert len((workspace.root / "data/digits/model/history.csv").read_text().splitlines()) == 4


def the(processes: list[psutil.Process]) -> psutil.Process:
    assert len(processes) == 1, [process.cmdline() for process in processes]
    return processes[0]


def test_the_stage_is_killed(ran: Any) -> None:
    process = start_training(ran, *DAGSTER)
    the(ran.processes("dl_assets stage train")).kill()
    assert process.wait(60) == 1
    assert "signal 9" in process.stdout.read()
    completes_after(ran, *DAGSTER)


def test_the_dvc_process_is_killed(ran: Any) -> None:
    process = start_training(ran, *DAGSTER)
    the(ran.processes("dl_assets.orchestration.reproduce")).kill()
    assert process.wait(60) == 1
    completes_after(ran, *DAGSTER)


def test_the_step_worker_is_killed(ran: Any) -> None:
    process = start_training(ran, *DAGSTER)
    the(ran.processes("dl_assets.orchestration.reproduce")).parent().kill()
    assert process.wait(60) == 1
    completes_after(ran, *DAGSTER)


def test_the_run_worker_is_killed(ran: Any) -> None:
    process = start_training(ran, *DAGSTER)
    the(ran.processes("dl_assets.orchestration.job")).kill()
    assert process.wait(60) == 1
    completes_after(ran, *DAGSTER)


@pytest.mark.parametrize("door", [(), ("--dagster",)])
def test_the_command_itself_is_killed(ran: Any, door: tuple[str, ...]) -> None:
    process = start_training(ran, "dl", "run", "digits", "train", *door)
    process.kill()
    process.wait(10)
    wait_for(lambda: not ran.processes("dl_assets"), 30, "every process to end")
    completes_after(ran, "dl", "run", "digits", "train", *door)


def test_a_bare_dvc_repro_is_killed(ran: Any) -> None:
    process = start_training(ran, "dvc", "repro", "train@digits")
    process.kill()
    process.wait(10)
    completes_after(ran, "dvc", "repro", "train@digits")


@pytest.mark.parametrize("door", [(), ("--dagster",)])
def test_an_interrupted_run_ends_everything_it_started(ran: Any, door: tuple[str, ...]) -> None:
    process = start_training(ran, "dl", "run", "digits", "train", *door)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    wait_for(lambda: not ran.processes("dl_assets"), 20, "every process to end")
    completes_after(ran, "dl", "run", "digits", "train", *door)
