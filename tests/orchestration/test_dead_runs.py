"""Dagster runs whose process is gone."""

import subprocess
import sys

import dagster as dg
import psutil
import pytest

from dl_assets.orchestration.dead_runs import WORKER_TAG, bury_dead_runs


@dg.job
def empty() -> None:
    pass


def started_run(instance: dg.DagsterInstance, worker: str | None) -> str:
    run = instance.create_run_for_job(empty, status=dg.DagsterRunStatus.STARTED, tags={WORKER_TAG: worker} if worker else {})
    return run.run_id


@pytest.fixture
def instance(tmp_path: object) -> dg.DagsterInstance:
    return dg.DagsterInstance.local_temp(str(tmp_path))


def test_a_run_of_a_dead_process_is_reported_as_failed(instance: dg.DagsterInstance) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        worker = f"{process.pid} {psutil.Process(process.pid).create_time():.2f}"
    run_id = started_run(instance, worker)
    assert bury_dead_runs(instance) == [run_id]
    assert instance.get_run_by_id(run_id).status is dg.DagsterRunStatus.FAILURE


def test_a_number_that_another_process_has_now_counts_as_dead(instance: dg.DagsterInstance) -> None:
    run_id = started_run(instance, f"{psutil.Process().pid} 1.00")
    assert bury_dead_runs(instance) == [run_id]


def test_a_run_of_a_living_process_or_of_none_yet_is_left_alone(instance: dg.DagsterInstance) -> None:
    process = psutil.Process()
    started_run(instance, f"{process.pid} {process.create_time():.2f}")
    started_run(instance, None)
    assert bury_dead_runs(instance) == []
