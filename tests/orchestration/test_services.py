"""What the systemd units of docs/deploy start may be killed at any time: nothing that was accepted is lost."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from webserver import Webserver
from workspace import Workspace, free_port, wait_for


@contextmanager
def service(workspace: Workspace, *command: str) -> "Iterator[subprocess.Popen[str]]":
    """Run one of Dagster's two services until the block ends, which kills it without a word."""
    process = workspace.start(*command, "-w", "workspace.yaml", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


@contextmanager
def webserver(workspace: Workspace) -> Iterator[Webserver]:
    server = Webserver(workspace, free_port())
    with service(workspace, "dagster-webserver", "-h", "127.0.0.1", "-p", server.address.rpartition(":")[2]):
        wait_for(server.is_up, 120, "the webserver to answer")
        yield server


def test_a_run_that_was_accepted_outlives_the_webserver_and_the_daemon(ran: Any) -> None:
    ran.edit_pipeline("digits", "bootstrap_samples: 100", "bootstrap_samples: 200")
    with webserver(ran) as server:
        run_id = server.launch("digits", "digits/evaluation")
        assert server.status(run_id) == "QUEUED"
    with service(ran, "dagster-daemon", "run"):
        wait_for(lambda: ran.processes("dl_assets stage evaluate"), 120, "the daemon to start what the dead webserver took on")
    wait_for(lambda: not ran.processes("dl_assets.orchestration.reproduce"), 120, "the step to end, with no one to watch it")
    with webserver(ran) as server:
        wait_for(lambda: server.status(run_id) != "STARTED", 60, "the run to tell its end")
        assert server.status(run_id) == "SUCCESS"
        assert server.stale()["digits/evaluation"] == "FRESH"
    assert ran.changed_in_dvc("evaluate@digits") == set()
    wait_for(lambda: not ran.processes("dagster"), 120, "the orphans of both services to end by themselves")
