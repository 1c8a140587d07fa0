"""The worker processes of a study: started, replaced when one is killed, and ended together."""

import os
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from dl_assets.errors import PipelineError
from dl_assets.operations.tuning.study import COUNTED, Row, Study
from dl_assets.operations.tuning.worker import command

_POLL_SECONDS = 0.2
_MAX_DEATHS = 3  # in a row, without a trial that came to its end
_END_SECONDS = 10.0


class Crew:
    """`lock` is the file that is locked for this study: as long as one worker lives, nobody else works on it."""

    def __init__(self, study: Study, size: int, num_gpus: int, target: int, deadline: float, lock: IO[bytes]) -> None:
        self._study, self._target, self._deadline, self._lock = study, target, deadline, lock
        self._environments = environments(size, num_gpus, os.cpu_count() or 1, os.environ)
        self._living: dict[str, tuple[int, subprocess.Popen[bytes]]] = {}
        self._started, self._deaths, self._last_counted = 0, 0, 0

    def work(self, watch: Callable[[list[Row]], None]) -> None:
        """Let all trials be done; `watch` sees every trial now and then. However this is left, no worker is."""
        try:
            for slot in range(len(self._environments)):
                self._start(slot)
            while self._living:
                time.sleep(_POLL_SECONDS)
                self._replace_dead(watch)
        finally:
            self._end()
            watch(self._study.rows())

    def _start(self, slot: int) -> None:
        worker = f"{slot}.{self._started}"
        self._started += 1
        with self._log(slot).open("ab") as log:
            process = subprocess.Popen(
                command(self._study.home, worker, self._target, self._deadline),
                cwd=self._study.home.root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self._environments[slot]},
                pass_fds=(self._lock.fileno(),),
            )
        self._living[worker] = slot, process

    def _replace_dead(self, watch: Callable[[list[Row]], None]) -> None:
        dead = {worker: found for worker, found in self._living.items() if found[1].poll() is not None}
        for worker in dead:
            del self._living[worker]
        killed = [(slot, process) for slot, process in dead.values() if process.returncode]
        if killed:
            self._study.mark_killed(set(self._living))
            self._study.line_up(self._target)
        rows = self._study.rows()
        watch(rows)
        self._count(rows, len(killed))
        for slot, process in killed:
            if self._deaths >= _MAX_DEATHS:
                raise PipelineError(self._why(slot, process.returncode))
            self._start(slot)

    def _count(self, rows: list[Row], num_killed: int) -> None:
        counted = sum(row.state in COUNTED for row in rows)
        self._deaths = num_killed + (self._deaths if counted == self._last_counted else 0)
        self._last_counted = counted

    def _why(self, slot: int, code: int) -> str:
        how = f"was ended by signal {-code}" if code < 0 else f"failed with exit code {code}"
        last = self._log(slot).read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
        return (
            f"{self._study.pipeline.path}: a worker {how}, for the {_MAX_DEATHS}rd time without a trial that came to its end"
            f"{f' ({last[0]})' if last else ''}. The machine may be out of memory: use fewer workers, or leave large batches "
            f"and models out of tune.space. The whole log: {self._log(slot).relative_to(self._study.home.root)}"
        )

    def _end(self) -> None:
        """Ask every worker to stop; kill what does not."""
        processes = [process for _, process in self._living.values()]
        for process in processes:
            process.terminate()
        deadline = time.monotonic() + _END_SECONDS
        for process in processes:
            try:
                process.wait(max(deadline - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._living.clear()
        self._study.mark_killed(set())

    def _log(self, slot: int) -> Path:
        return self._study.home.scratch / f"worker-{slot}.log"


def environments(size: int, num_gpus: int, num_cores: int, given: Mapping[str, str]) -> list[dict[str, str]]:
    """Return what each worker's environment has beside ours: a fair share of the cores, and one of several GPUs.

    >>> environments(2, 0, 8, {})
    [{'OMP_NUM_THREADS': '4'}, {'OMP_NUM_THREADS': '4'}]
    >>> environments(3, 2, 8, {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "4,7"})
    [{'CUDA_VISIBLE_DEVICES': '4'}, {'CUDA_VISIBLE_DEVICES': '7'}, {'CUDA_VISIBLE_DEVICES': '4'}]
    """
    if size == 1:
        return [{}]
    threads = {} if "OMP_NUM_THREADS" in given else {"OMP_NUM_THREADS": str(max(1, num_cores // size))}
    visible = given.get("CUDA_VISIBLE_DEVICES", "")
    devices = visible.split(",") if visible else [str(number) for number in range(num_gpus)]
    own = [{"CUDA_VISIBLE_DEVICES": devices[slot % num_gpus]} if num_gpus > 1 else {} for slot in range(size)]
    return [{**threads, **device} for device in own]
