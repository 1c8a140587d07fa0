"""`dl serve` against a plain FastAPI endpoint with the same session: processor time of the server, and time to an answer."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import psutil
import pytest
from benchmarks.photos import jpegs
from benchmarks.side_by_side import ROUNDS, median_seconds, show
from operations.serving.champions import certify, write_bright

from dl_assets import registry
from dl_assets.config import Choice
from dl_assets.exporting.embedding import Embedding, Tap
from dl_assets.inference.network import build_network
from dl_assets.stages.export import write_onnx

SIDE_PX, REQUESTS, CLIENTS, BUSY, SECONDS = 64, 400, 8, 20, 5
PHOTO = next(jpegs(1, 500, 375))
CLEAN = {"image_size": SIDE_PX, "channels": 3, "fit": "stretch", "max_pixels": 100_000_000}
WIDTH = 256  # of what the head of the network is given
ALLOWED = 1.15


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two champions: a network as it is made for photos, of weights drawn at random, and next to nothing."""
    root = tmp_path_factory.mktemp("project")
    write_bright(root / "data" / "tiny" / "champion")
    folder = root / "data" / "pets" / "champion"
    folder.mkdir(parents=True)
    shape, classes = (SIDE_PX, SIDE_PX, 3), ["cat", "dog"]
    fitted = {"inputs": {"shape": list(shape), "mean": [0.5] * 3, "std": [0.25] * 3}, "targets": {"classes": classes}}
    network = build_network(registry.find("tasks", "image_classification"), Choice("cnn", {"width": 16, "depth": 5}), fitted)
    embedding = Embedding(Tap("head.1", num_views=1), np.zeros(WIDTH), np.eye(WIDTH, 16))
    file = folder / "model.onnx"
    write_onnx(network.eval(), np.zeros(shape, np.uint8), "image", {}, file, answer="probabilities", embedding=embedding)
    signature = {
        "task": "image_classification",
        "file": "model.onnx",
        "input": {"name": "image", "made_by": {"clean": CLEAN}},
        "output": {"name": "probabilities", "fitted": {"classes": classes}},
        "embedding": {"name": "embedding", "size": 16},
    }
    (folder / "signature.json").write_text(json.dumps(signature))
    certify(folder)
    return root


def form(payload: bytes) -> bytes:
    return b'--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n' + payload + b"\r\n--b--"


class Running:
    """A server in a process of its own, and what asks it."""

    def __init__(self, root: Path, command: Callable[[int], list[str]], payload: bytes) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        environment = {**os.environ, "DL_RESIZER": "pillow", "PYTHONPATH": os.pathsep.join(sys.path)}
        self.process = subprocess.Popen([sys.executable, *command(self.port)], cwd=root, env=environment)
        self.body = form(payload)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                self.ask(1)
                return
            except OSError:
                time.sleep(0.1)
        raise TimeoutError(f"the server did not start: {command(self.port)}")

    def ask(self, times: int) -> list[float]:
        """Ask over one connection, and return how long each answer took, in seconds."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        taken = []
        for _ in range(times):
            started = time.perf_counter()
            connection.request("POST", "/predict", self.body, {"Content-Type": "multipart/form-data; boundary=b"})
            response = connection.getresponse()
            content = response.read()
            taken.append(time.perf_counter() - started)
            assert response.status == 200, content
        connection.close()
        return taken

    def load(self, clients: int) -> list[float]:
        with ThreadPoolExecutor(clients) as pool:
            return [one for taken in pool.map(self.ask, [REQUESTS // clients] * clients) for one in taken]

    def cpu_of(self, clients: int) -> float:
        """Return the processor time of the server for some requests."""
        times = psutil.Process(self.process.pid).cpu_times
        before = times()
        self.load(clients)
        after = times()
        return after.user + after.system - before.user - before.system


@pytest.fixture(scope="module")
def start(root: Path) -> Iterator[Callable[..., Running]]:
    running: list[Running] = []

    def started(command: Callable[[int], list[str]], payload: bytes) -> Running:
        running.append(Running(root, command, payload))
        return running[-1]

    yield started
    for one in running:
        one.process.terminate()
        one.process.wait()


def ours(name: str, *options: str) -> Callable[[int], list[str]]:
    return lambda port: ["-m", "dl_assets", "serve", name, "--port", str(port), *options]


def plain(name: str) -> Callable[[int], list[str]]:
    return lambda port: ["-m", "benchmarks.plain_server", f"data/{name}/champion", str(port)]


@pytest.mark.parametrize("clients", [1, CLIENTS])
@pytest.mark.parametrize(("name", "size"), [("tiny", (8, 8)), ("pets", (SIDE_PX, SIDE_PX)), ("pets", (500, 375))], ids=str)
def test_processor_time(start: Callable[..., Running], name: str, size: tuple[int, int], clients: int) -> None:
    (payload,) = jpegs(1, *size)
    servers = {"dl serve": start(ours(name), payload), "plain FastAPI": start(plain(name), payload)}
    seconds = median_seconds({way: partial(server.cpu_of, clients) for way, server in servers.items()})
    show(
        f"Answers of {name} for JPEGs of {size[0]} x {size[1]} px, {clients} at a time", seconds, count=REQUESTS, unit="request"
    )
    assert seconds["dl serve"] <= ALLOWED * seconds["plain FastAPI"]


# What wrk sends, and what it says in the end: answers other than 200 and lost ones, the number of answers, p50 and p99 in us.
SCRIPT = """
wrk.method, wrk.headers["Content-Type"] = "POST", "multipart/form-data; boundary=b"
wrk.body = io.open("{body}", "rb"):read("*a")
function done(summary, latency)
  local errors = summary.errors
  local lost = errors.status + errors.connect + errors.read + errors.write + errors.timeout
  print("told", lost, summary.requests, latency:percentile(50), latency:percentile(99))
end
"""


@pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
def test_time_to_answer(start: Callable[..., Running], tmp_path: Path) -> None:
    """A bounded load: each of the clients asks again as soon as it was answered, for some seconds."""
    servers = {f"batches of at most {most}": start(ours("pets", "--max-batch", str(most)), PHOTO) for most in (32, 1)}
    (tmp_path / "body").write_bytes(form(PHOTO))
    script = tmp_path / "ask.lua"
    script.write_text(SCRIPT.format(body=tmp_path / "body"))
    told: dict[str, list[tuple[float, float, float]]] = {name: [] for name in servers}
    for _ in range(ROUNDS):
        for name, server in servers.items():
            options = ["-t", "1", "-c", str(BUSY), "-d", f"{SECONDS}s", "--timeout", "30s", "-s", str(script)]
            output = subprocess.check_output(["wrk", *options, f"http://127.0.0.1:{server.port}/predict"], text=True)
            line = next(line for line in output.splitlines() if line.startswith("told"))
            lost, requests, p50, p99 = map(float, line.split()[1:])
            assert lost == 0 and requests > BUSY, output
            told[name].append((p50 / 1000, p99 / 1000, requests / SECONDS))
    print(f"\nTime to an answer under wrk, {BUSY} clients, JPEGs of 500 x 375 px (median of {ROUNDS} interleaved rounds)")
    for name, rounds in told.items():
        p50, p99, rate = np.median(rounds, axis=0)
        print(f"  {name:<52}p50 {p50:6.1f} ms, p99 {p99:6.1f} ms, {rate:5.0f} answers a second")
