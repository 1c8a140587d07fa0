"""`dl ui` in a workspace: Dagster's webserver, asked as its own pages ask it, and the daemon."""

import json
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from workspace import Workspace, free_port, wait_for

LAUNCH = """mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
STATUS = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
TERMINATE = "mutation($id: String!) { terminateRun(runId: $id) { __typename } }"


class Webserver:
    def __init__(self, workspace: Workspace, port: int) -> None:
        self.workspace, self.address = workspace, f"http://127.0.0.1:{port}"

    def ask(self, query: str, **variables: Any) -> Any:
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.address}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["data"]

    def is_up(self) -> bool:
        try:
            return bool(self.ask("{ version }"))
        except OSError:
            return False

    def launch(self, job: str, *assets: str) -> str:
        """Launch a job, or only some of its assets."""
        selector: dict[str, Any] = {"repositoryLocationName": "dl_assets", "repositoryName": "__repository__", "jobName": job}
        if assets:
            selector["assetSelection"] = [{"path": asset.split("/")} for asset in assets]
        answer = self.ask(LAUNCH, params={"selector": selector, "mode": "default", "runConfigData": {}})["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return str(answer["run"]["runId"])

    def status(self, run_id: str) -> str:
        return str(self.ask(STATUS, id=run_id)["runOrError"]["status"])

    def terminate(self, run_id: str) -> None:
        self.ask(TERMINATE, id=run_id)

    def stale(self) -> dict[str, str]:
        nodes = self.ask("{ assetNodes { assetKey { path } staleStatus } }")["assetNodes"]
        return {"/".join(node["assetKey"]["path"]): node["staleStatus"] for node in nodes}


@contextmanager
def opened(workspace: Workspace) -> Iterator[Webserver]:
    """The webserver and the daemon, which launches queued runs and evaluates schedules and sensors, until the block ends."""
    port = free_port()
    process = workspace.start("dl", "ui", "--port", str(port), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    server = Webserver(workspace, port)
    try:
        wait_for(server.is_up, 120, "the webserver to answer")
        yield server
    finally:
        process.terminate()
        process.wait(60)
        wait_for(lambda: not workspace.processes("dagster"), 60, "Dagster to end")
