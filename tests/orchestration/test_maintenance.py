"""Old runs of Dagster go, what the UI shows stays, databases get smaller, and all of it is told."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager

from dl_assets.orchestration.maintenance import make_maintenance
from dl_assets.orchestration.old_runs import clear_logs, clear_runs, shrink

KEY = dg.AssetKey(["pets", "model"])


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / ".dagster"
    made.mkdir()
    return made


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def run(instance: dg.DagsterInstance, days: float, *, name: str = "pets", materialises: bool = False) -> str:
    """Run a job as if it were so many days ago; return the run's id."""

    @dg.op
    def step(context: dg.OpExecutionContext) -> None:
        if materialises:
            context.log_event(dg.AssetMaterialization(KEY))

    @dg.job(name=name)
    def job() -> None:
        step()

    result = job.execute_in_process(instance=instance)
    then = (datetime.now(UTC) - timedelta(days=days)).replace(tzinfo=None)
    with instance.run_storage.connect() as connection:
        connection.exec_driver_sql("UPDATE runs SET create_timestamp = ? WHERE run_id = ?", (str(then), result.run_id))
    return result.run_id


def test_old_runs_go_with_events_and_logs_but_none_that_the_ui_shows(instance: dg.DagsterInstance, home: Path) -> None:
    old = run(instance, 91)
    shown = run(instance, 92, materialises=True)
    young = run(instance, 89)
    other = run(instance, 400, name="pets_crossval")
    files = [home / "history" / "runs" / f"{old}.db", home / "logs" / old / "compute_logs" / "step.out"]
    for path in files:
        path.parent.mkdir(parents=True)
        path.write_text("said")

    assert clear_runs(instance, home, dry_run=True).count == 1
    assert instance.has_run(old) and all(path.exists() for path in files)

    freed = clear_runs(instance, home, dry_run=False)
    assert (freed.count, freed.size_bytes) == (1, 2 * len("said"))
    assert {found.run_id for found in instance.get_runs()} == {shown, young, other}
    assert not any(path.exists() for path in files)
    assert instance.get_latest_materialization_event(KEY).run_id == shown
    assert clear_runs(instance, home, dry_run=False).count == 0


def test_the_files_are_those_that_dagster_writes(home: Path) -> None:
    storage = SimpleNamespace(_base_dir=str(home / "history" / "runs"))
    assert SqliteEventLogStorage.path_for_shard(storage, "some-run") == str(home / "history" / "runs" / "some-run.db")
    manager = LocalComputeLogManager(str(home / "logs"))
    log = manager.get_captured_local_path(manager.build_log_key_for_run("some-run", "step"), "out")
    assert Path(log).is_relative_to(home / "logs" / "some-run")


def test_a_run_that_is_under_way_is_never_deleted(home: Path) -> None:
    @dg.job
    def job() -> None:
        pass

    with dg.DagsterInstance.ephemeral() as instance:
        for _ in range(2):
            instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
        with instance.run_storage.connect() as connection:
            connection.exec_driver_sql("UPDATE runs SET create_timestamp = '2020-01-01 00:00:00'")
        assert clear_runs(instance, home, dry_run=False).count == 0


def test_what_sensors_said_goes_after_ninety_days(home: Path) -> None:
    paths = [home / "logs" / "__repository__" / "dvc_lock" / f"{name}.err" for name in ("old", "new")]
    for path, days in zip(paths, (91, 89), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("said")
        then = time.time() - days * 86_400
        os.utime(path, (then, then))
    with dg.DagsterInstance.ephemeral() as instance:
        assert clear_logs(instance, home, dry_run=False).count == 1
    assert [path.exists() for path in paths] == [False, True]


@pytest.fixture
def holed(home: Path) -> Path:
    """A database of which most was deleted."""
    path = home / "history" / "runs.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE runs (body BLOB)")
        database.executemany("INSERT INTO runs VALUES (?)", [(b"x" * 100_000,)] * 30)
        database.execute("DELETE FROM runs WHERE rowid > 1")
    return path


def test_a_database_with_much_free_room_is_made_small(holed: Path, home: Path) -> None:
    before = holed.stat().st_size
    assert shrink(home, print, dry_run=True).count == 1
    assert holed.stat().st_size == before
    assert shrink(home, print, dry_run=False).count == 1
    assert holed.stat().st_size < 200_000
    with closing(sqlite3.connect(holed)) as database:
        assert database.execute("SELECT count(*) FROM runs").fetchone() == (1,)
    assert shrink(home, print, dry_run=False).count == 0


def test_a_database_that_is_being_written_stays_as_it_is(holed: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dl_assets.orchestration.old_runs._LOCKED_SECONDS", 0.05)
    told: list[str] = []
    with closing(sqlite3.connect(holed)) as database:
        database.execute("BEGIN IMMEDIATE")
        assert shrink(home, told.append, dry_run=False).count == 0
    assert "runs.db was not made smaller (database is locked)" in told[0]


def test_the_job_tells_what_it_deleted_and_a_dry_run_deletes_nothing(tmp_path: Path) -> None:
    (tmp_path / "pipelines").mkdir()
    left = tmp_path / "data/.tmp/pets/clean/half.npy"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    job = make_maintenance(tmp_path).job
    for dry_run in (True, False):
        assert left.exists()
        with dg.DagsterInstance.ephemeral() as instance:
            result = job.execute_in_process({"ops": {"clear_up": {"config": {"dry_run": dry_run}}}}, instance=instance)
        (told,) = [event.step_output_data.metadata for event in result.all_node_events if event.is_successful_output]
        table = {record.data["what"]: record.data["count"] for record in told["deleted"].records}
        assert {name: count for name, count in table.items() if count} == {"abandoned stages": 1}
        assert (told["count"].value, told["dry_run"].value) == (1, dry_run)
    assert not left.exists()


def test_the_job_runs_every_night_by_itself(tmp_path: Path) -> None:
    schedule = make_maintenance(tmp_path)
    assert (schedule.job_name, schedule.cron_schedule, schedule.execution_timezone) == ("maintenance", "30 2 * * *", "UTC")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    context = dg.build_schedule_context(scheduled_execution_time=datetime(2026, 1, 1, 2, 30, tzinfo=UTC))
    assert len(schedule.evaluate_tick(context).run_requests or []) == 1
