"""`dl serve` as a process of its own: what it imports, and what ends it or its model loses nothing."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from operations.serving.champions import grey, put, write_bright, write_old

from dl_assets.operations.logs.log import read_log

# Where these are not installed a server must work all the same.
START = """
import importlib.machinery, sys
class Refuse:
    names = "torch torchvision pytorch_lightning albumentations dagster dvc timm onnx onnxscript sklearn scipy".split()
    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self) if name in self.names else None
    def create_module(self, spec):
        raise ImportError(f"{spec.name} is imported by a server")
sys.meta_path.insert(0, Refuse())
from dl_assets.__main__ import app
app(["serve", *sys.argv[1:], "--port", "0"])
"""
CONTENT = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n' + grey(204) + b"\r\n--b--"


class Process:
    def __init__(self, root: Path, name: str = "pets") -> None:
        command = [sys.executable, "-c", START, name]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True, env=environment)
        assert self.process.stderr
        self.told = [self.process.stderr.readline()]
        assert f"serving {name}" in self.told[0], self.told[0] + self.process.stderr.read()
        self.port = int(self.told[0].rpartition(":")[2])
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stderr
        self.told.extend(self.process.stderr)

    def ask_until(self, over: threading.Event, answers: list[tuple[int, Any]]) -> None:
        """Ask again and again over one connection, and keep status and content of each answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not over.is_set():
            try:
                connection.request("POST", "/predict", CONTENT, {"Content-Type": "multipart/form-data; boundary=b"})
                response = connection.getresponse()
                answers.append((response.status, json.loads(response.read())))
            except (OSError, http.client.HTTPException):
                return  # it was ended


@pytest.fixture
def running(pets: Path, tmp_path: Path) -> Iterator[Process]:
    shutil.rmtree(pets / "champion")
    write_bright(pets / "champion", embeds=True)
    server = Process(tmp_path)
    yield server
    server.process.kill()
    server.process.wait()


def test_rows_of_a_table_are_answered_without_torch_as_well(tmp_path: Path) -> None:
    write_old(tmp_path / "data" / "people" / "champion")
    server = Process(tmp_path, "people")
    try:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        body = json.dumps({"rows": [{"age": 90, "sex": "f", "city": "Ulm"}]})
        connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
        assert json.loads(connection.getresponse().read())["predictions"][0]["prediction"] == "yes"
    finally:
        server.process.kill()
        server.process.wait()


def wait_for(truth: Any, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not truth():
        assert time.monotonic() < until, "it did not come true in time"
        time.sleep(0.02)


def under_load(
    server: Process, over: threading.Event, num_clients: int = 4
) -> tuple[list[tuple[int, Any]], list[threading.Thread]]:
    answers: list[tuple[int, Any]] = []
    clients = [threading.Thread(target=server.ask_until, args=(over, answers)) for _ in range(num_clients)]
    for client in clients:
        client.start()
    return answers, clients


def versions(answers: list[tuple[int, Any]]) -> list[str]:
    return list(dict.fromkeys(content["model"]["version"] for _, content in list(answers)))


def test_a_promotion_under_load_drops_no_request_and_sigterm_leaves_a_whole_log(running: Process, pets: Path) -> None:
    over = threading.Event()
    answers, clients = under_load(running, over)
    wait_for(lambda: len(answers) > 20)
    put(write_bright(pets / "new", bright="wolf"), pets / "champion")
    wait_for(lambda: len(versions(answers)) == 2)
    over.set()
    for client in clients:
        client.join()
    assert {status for status, _ in answers} == {200}
    assert {content["predictions"][0]["prediction"] for _, content in answers} == {"dog", "wolf"}
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(20) == 0 or running.process.returncode == -signal.SIGTERM
    assert any(" -> " in line for line in running.told)
    assert not list((pets / "predictions").glob("*.jsonl"))
    logged = read_log(pets / "predictions")
    assert sorted(logged["id"]) == sorted(content["predictions"][0]["id"] for _, content in answers)
    assert logged.filter(pl.col("embedding").is_null())["prediction"].unique().to_list() == ["wolf"]  # that model has none


def test_kill_9_loses_no_prediction_that_was_answered(running: Process, pets: Path) -> None:
    answers, clients = under_load(running, threading.Event())
    wait_for(lambda: len(answers) > 40)
    running.process.kill()
    for client in clients:
        client.join()
    answered = {content["predictions"][0]["id"] for status, content in answers if status == 200}
    log = read_log(pets / "predictions")
    logged = log["id"].to_list()
    assert answered <= set(logged) and len(logged) == len(set(logged)) and len(logged) <= len(answered) + 4
    assert log["embedding"].list.len().to_list() == [2] * len(log)
