"""kill -9 of any process in the middle of training: nothing half-written is taken for good, nobody is left behind,
and the next run completes."""

from typing import Any

import psutil
from interruptions import DAGSTER, DVC, completes_after, start_training
from workspace import wait_for

from dl_assets.errors import Outage


def the(processes: list[psutil.Process]) -> psutil.Process:
    # dash, which DVC takes where $SHELL is not set, stays beside its only command; bash steps aside for it.
    # Processes that load samples for the training have its command line.
    found = [process for process in processes if process.name() not in ("sh", "pt_data_worker")]
    assert len(found) == 1, [process.cmdline() for process in processes]
    return found[0]


def let_retry(workspace: Any, times: int) -> None:
    """Let a step that was killed be tried again so often, and after a second."""
    path = workspace.root / "dl_assets/orchestration/retries.py"
    text = path.read_text().replace("MOST_RETRIES = 2", f"MOST_RETRIES = {times}")
    text = text.replace("WAIT_SECONDS = (60.0, 600.0)", "WAIT_SECONDS = (1.0, 1.0)")
    assert text != path.read_text()
    path.write_text(text)


def test_the_stage_is_killed_goes_on_by_itself_and_is_killed_again(ran: Any) -> None:
    let_retry(ran, 1)
    process = start_training(ran, *DAGSTER)
    the(ran.processes("dl_assets stage train")).kill()
    history = ran.root / "data/.tmp/digits/train.checkpoints/history.csv"
    before = len(history.read_text().splitlines())
    wait_for(lambda: len(history.read_text().splitlines()) > before + 2, what="the training to go on")
    the(ran.processes("dl_assets stage train")).kill()
    assert process.wait(60) == Outage.exit_code
    assert "signal 9" in process.stdout.read()
    completes_after(ran, *DVC)


def test_the_dvc_process_is_killed(ran: Any) -> None:
    let_retry(ran, 0)
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
    assert process.wait(60) == Outage.exit_code
    completes_after(ran, *DAGSTER)
