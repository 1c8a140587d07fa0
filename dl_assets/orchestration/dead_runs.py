"""Ends Dagster runs whose process was killed: Dagster's own monitoring cannot see that for runs on this machine.

Without it such a run stays `STARTED` for ever and keeps its place in the pool `gpu`, so that the next one never trains.
"""

import os

import dagster as dg
import psutil

WORKER_TAG = ".dagster/dl_worker"  # the UI shows no tag with this prefix
_ALIVE = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def sign_in(context: dg.AssetExecutionContext | dg.OpExecutionContext) -> None:
    """Write into the run which process executes it. A step's parent lives and dies with the run's process."""
    context.instance.add_run_tags(context.run.run_id, {WORKER_TAG: _name(psutil.Process(os.getppid()))})


def bury_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Report runs as failed whose process is gone, free their places in the pools, and return their ids."""
    dead = [run for run in instance.get_runs(dg.RunsFilter(statuses=_ALIVE)) if _is_dead(run.tags.get(WORKER_TAG))]
    for run in dead:
        instance.report_run_failed(run, "The process of this run was killed from outside. Run it again to complete it.")
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
    return [run.run_id for run in dead]


def _is_dead(worker: str | None) -> bool:
    if worker is None:  # no step has begun yet
        return False
    try:
        return _name(psutil.Process(int(worker.partition(" ")[0]))) != worker
    except psutil.NoSuchProcess:
        return True


def _name(process: psutil.Process) -> str:
    """Number and birth of a process: the number alone may be given to another one."""
    return f"{process.pid} {process.create_time():.2f}"
