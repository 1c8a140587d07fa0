"""Ctrl-C, a closed terminal, or kill -9 of the command itself: everything it started ends, and the next run completes."""

import signal
from typing import Any

import pytest
from interruptions import DVC, completes_after, start_training
from workspace import wait_for


@pytest.mark.parametrize("door", [(), ("--dagster",)])
def test_the_command_itself_is_killed(ran: Any, door: tuple[str, ...]) -> None:
    process = start_training(ran, *DVC, *door)
    process.kill()
    process.wait(10)
    wait_for(lambda: not ran.processes("dl_assets"), 30, "every process to end")
    completes_after(ran, *DVC, *door)


def test_a_bare_dvc_repro_is_killed(ran: Any) -> None:
    process = start_training(ran, "dvc", "repro", "train@digits")
    process.kill()
    process.wait(10)
    completes_after(ran, "dvc", "repro", "train@digits")


@pytest.mark.parametrize("door", [(), ("--dagster",)])
def test_an_interrupted_run_ends_everything_it_started(ran: Any, door: tuple[str, ...]) -> None:
    process = start_training(ran, *DVC, *door)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    wait_for(lambda: not ran.processes("dl_assets"), 20, "every process to end")
    completes_after(ran, *DVC)
