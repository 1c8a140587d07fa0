"""kill -9 of any process in the middle of training: nothing half-written is taken for good, nobody is left behind,
and the next run completes."""

from typing import Any

import psutil
from interruptions import DAGSTER, DVC, completes_after, start_training


def the(processes: list[psutil.Process]) -> psutil.Process:
    # dash, which DVC takes where $SHELL is not set, stays beside its only command; bash steps aside for it.
    # Processes that load samples for the training have its command line.
    found = [process for process in processes if process.name() not in ("sh", "pt_data_worker")]
    assert len(found) == 1, [process.cmdline() for process in processes]
    return found[0]


def test_the_stage_is_killed(ran: Any) -> None:
    process = start_training(ran, *DAGSTER)
    the(ran.processes("dl_assets stage train")).kill()
    assert process.wait(60) == 1
    assert "signal 9" in process.stdout.read()
    completes_after(ran, *DVC)


def test_the_dvc_process_is_killed(ran: Any) -> None:
    process = start_training(ran, *DAGSTER)
    the(ran.processes("dl_assets.orchestration.reproduce")).kill()
    assert process.wait(60) == 1
    completes_after(ran, *DVC)


def test_the_step_worker_is_killed(ran: Any) -> None:
    process = start_training(ran, *DAGSTER)
    the(ran.processes("dl_assets.orchestration.reproduce")).parent().kill()
    assert process.wait(60) == 1
    completes_after(ran, *DVC)


def test_the_run_worker_is_killed(ran: Any) -> None:
    process = start_training(ran, *DAGSTER)
    the(ran.processes("dl_assets.orchestration.job")).kill()
    assert process.wait(60) == 1
    completes_after(ran, *DAGSTER)
