"""A soak that ends by itself: short runs and predictions in loops, while memory, files, threads and processes must not grow.

`make soak` runs it; RUNS, REAL and PREDICTIONS make it shorter. It prints what was measured by quarters, and exits with 1
where the last quarter is above the second: in the first one caches fill and pools of threads come up.
"""

import argparse
import http.client
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import psutil
from operations.serving.champions import grey
from webserver import opened
from workspace import Workspace, make_workspace, wait_for

CLIENTS, SAMPLES, AT_ONCE = 4, 40, 4
MB = 1024**2
# What `dl ui` starts, with words of their command lines.
SERVICES = {
    "webserver": "dagster_webserver",
    "daemon": "daemon run",
    "code server": "api grpc",
    "its proxy": "code-server start",
}
# What the last quarter may have more than the second one. Both are half a soak apart, so at full length (10,000 predictions,
# 100 runs) 0.4 KB more that every prediction keeps are found, and 40 KB more of every run. Less is the noise of the allocator.
# A pool's thread may be waiting, or ended because it was idle, and a journal of predictions may be open, or two.
MORE = {**dict.fromkeys(("server", *SERVICES), 4 * MB), "files": 2, "threads": 2, "processes": 0, "data/.tmp": 64 * 1024}
# What a run adds to .dagster is its history; it may not become more from run to run.
MORE_HISTORY = 1.1


@dataclass
class Series:
    """What was measured, one list for each thing, in the order of time."""

    title: str
    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, measured: Mapping[str, float]) -> None:
        for name, value in measured.items():
            self.values.setdefault(name, []).append(value)

    def growing(self) -> list[str]:
        """Print the medians of the quarters, and return what is not flat."""
        print(f"\n{self.title}: medians of the quarters")
        found = []
        for name, values in self.values.items():
            quarters = [median(part) for part in _quarters(values)]
            allowed = quarters[1] * MORE_HISTORY if name == "history" else quarters[1] + MORE[name]
            is_flat = quarters[3] <= allowed
            print(f"  {name:<14}" + "".join(f"{value:>16,.0f}" for value in quarters) + ("" if is_flat else "   GROWS"))
            found += [] if is_flat else [f"{self.title}: {name}"]
        return found


def _quarters(values: Sequence[float]) -> list[Sequence[float]]:
    size = len(values) / 4
    return [values[round(size * number) : round(size * (number + 1))] for number in range(4)]


# ---- runs ------------------------------------------------------------------------------------------------------


def soak_runs(workspace: Workspace, num_runs: int) -> Series:
    """Launch short runs, in each of which an asset is found unchanged, and look at what serves Dagster for months meanwhile."""
    series = Series(f"{num_runs} runs launched in the UI, {AT_ONCE} at once")
    with opened(workspace) as server:
        before = size_of(workspace.root / ".dagster")
        for _ in range(num_runs // AT_ONCE):
            run_ids = [server.launch("digits", "digits/raw") for _ in range(AT_ONCE)]
            wait_for(lambda ids=run_ids: {server.status(run) for run in ids} <= {"SUCCESS", "FAILURE"}, 240, "the runs to end")
            assert {server.status(run) for run in run_ids} == {"SUCCESS"}
            wait_for(lambda: not workspace.processes("dl_assets.orchestration.reproduce"), 60, "the steps to end")
            wait_for(lambda: not workspace.processes("multiprocessing.spawn"), 60, "the runs' processes to end")
            services, after = workspace.processes("dagster"), size_of(workspace.root / ".dagster")
            memory = {
                name: sum(one.memory_info().rss for one in services if words in _line(one)) for name, words in SERVICES.items()
            }
            assert all(memory.values()), f"not found: {memory}"
            series.add({**memory, **_counts(*services), **_left(workspace), "history": after - before})
            before = after
    return series


def _line(process: psutil.Process) -> str:
    return " ".join(process.cmdline())


def soak_real_runs(workspace: Workspace, num_runs: int) -> Series:
    """Train anew each time, as a user would."""
    series = Series(f"{num_runs} real runs, each a process of its own")
    for number in range(num_runs):
        workspace.edit_pipeline("digits", "train: {epochs: 2", f"train: {{seed: {number}, epochs: 2")
        workspace.run("dl", "run", "digits", "--dagster", timeout=600)
        workspace.edit_pipeline("digits", f"train: {{seed: {number}, epochs: 2", "train: {epochs: 2")
        series.add(_left(workspace))
    return series


def _left(workspace: Workspace) -> dict[str, float]:
    return {"processes": len(workspace.processes()), "data/.tmp": size_of(workspace.root / "data/.tmp")}


# ---- predictions -----------------------------------------------------------------------------------------------


def soak_server(workspace: Workspace, num_predictions: int) -> Series:
    """Ask `dl serve` from several connections, and look at it while nobody asks."""
    series, block = Series(f"{num_predictions:,} predictions of a server"), num_predictions // SAMPLES // CLIENTS
    with _server(workspace) as (process, port), ThreadPoolExecutor(CLIENTS) as pool:
        for _ in range(SAMPLES):
            assert sum(pool.map(lambda _: _ask(port, block), range(CLIENTS))) == block * CLIENTS
            memory, children = process.memory_info().rss, process.children(recursive=True)
            series.add({"server": memory, **_counts(process), "processes": len(children)})
    return series


@contextmanager
def _server(workspace: Workspace) -> Iterator[tuple[psutil.Process, int]]:
    started = workspace.start("dl", "serve", "digits", "--challenger", "--port", "0")
    try:
        assert started.stdout
        line = started.stdout.readline()
        yield psutil.Process(started.pid), int(line.rpartition(":")[2])
    finally:
        started.terminate()
        started.wait(60)


def _ask(port: int, times: int) -> int:
    """Ask over one connection, as many do, and return how many answers came."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    found = 0
    for number in range(times):
        body = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n' + grey(number % 256) + b"\r\n--b--"
        connection.request("POST", "/predict", body, {"Content-Type": "multipart/form-data; boundary=b"})
        response = connection.getresponse()
        found += "prediction" in json.loads(response.read())["predictions"][0]
    connection.close()
    return found


# ---- measuring -------------------------------------------------------------------------------------------------


def _counts(*processes: psutil.Process) -> dict[str, float]:
    return {
        "files": sum(process.num_fds() for process in processes),
        "threads": sum(process.num_threads() for process in processes),
    }


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main(arguments: Any) -> int:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        workspace = make_workspace(Path(folder, "w"))
        workspace.run("dl", "run", "digits", timeout=600)
        os.environ["DAGSTER_HOME"] = str(workspace.root)
        with chdir(workspace.root):
            found = soak_server(workspace, arguments.predictions).growing()
            found += soak_runs(workspace, arguments.runs).growing()
            found += soak_real_runs(workspace, arguments.real).growing()
    print(f"\n{'GROWING: ' + '; '.join(found) if found else 'Everything is flat.'}")
    return 1 if found else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--real", type=int, default=12)
    parser.add_argument("--predictions", type=int, default=20_000)
    given = parser.parse_args()
    if given.runs < 4 * AT_ONCE or given.real < 4 or given.predictions < SAMPLES * CLIENTS:
        parser.error(f"quarters need {4 * AT_ONCE} runs, 4 real ones and {SAMPLES * CLIENTS} predictions at least.")
    sys.exit(main(given))
