"""Deletes what Dagster keeps of runs that ended long ago, and makes its databases small again."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg

from dl_assets import files
from dl_assets.operations.care.leftovers import KEEP_DAYS, Freed, size_of

_FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_DATABASES = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")
_WORTH_BYTES, _WORTH_SHARE = 2**20, 0.2  # of a database that is free, for which it is written anew
_LOCKED_SECONDS = 5.0


def clear_runs(instance: dg.DagsterInstance, home: Path, *, dry_run: bool) -> Freed:
    """Delete old runs with their events and logs, of which those in `home` count; with `dry_run` only count them.

    The last run of every job stays, and every run that made the latest materialisation of an asset: the UI shows them.
    """
    before = datetime.now(UTC) - timedelta(days=KEEP_DAYS)
    old = instance.get_run_records(dg.RunsFilter(statuses=_FINISHED, created_before=before))
    kept = _shown(instance)
    ids = [record.dagster_run.run_id for record in old if record.dagster_run.run_id not in kept]
    sizes = []
    for run_id in ids:
        paths = [*(home / "history" / "runs").glob(f"{run_id}.db*"), *(home / "logs").glob(run_id)]
        sizes.append(sum(map(size_of, paths)))
        if not dry_run:
            instance.delete_run(run_id)
            instance.compute_log_manager.delete_logs(prefix=[run_id])
            for path in paths:  # of a run's database Dagster only empties the tables
                files.remove(path)
    return Freed(len(sizes), sum(sizes))


def _shown(instance: dg.DagsterInstance) -> set[str]:
    events = [instance.get_latest_materialization_event(key) for key in instance.all_asset_keys()]
    last: dict[str, str] = {}
    for run in instance.get_runs():  # the latest first
        last.setdefault(run.job_name, run.run_id)
    return {event.run_id for event in events if event} | set(last.values())


def clear_logs(instance: dg.DagsterInstance, home: Path, *, dry_run: bool) -> Freed:
    """Delete old logs that belong to no run, such as what sensors and schedules said."""
    before = (datetime.now(UTC) - timedelta(days=KEEP_DAYS)).timestamp()
    folders = [folder for folder in sorted((home / "logs").glob("*")) if not instance.has_run(folder.name)]
    found = [path for folder in folders for path in folder.rglob("*") if path.is_file() and path.stat().st_mtime < before]
    sizes = [path.stat().st_size for path in found]
    if not dry_run:
        for path in found:
            path.unlink(missing_ok=True)
    return Freed(len(sizes), sum(sizes))


def shrink(home: Path, tell: Callable[[str], None], *, dry_run: bool) -> Freed:
    """Write SQLite databases anew of which a good part is free; one that is in use stays as it is, and that is told."""
    sizes = []
    for path, free in _holed(home):
        try:
            if not dry_run:
                with closing(sqlite3.connect(path, timeout=_LOCKED_SECONDS)) as database:
                    database.execute("VACUUM")
            sizes.append(free)
        except sqlite3.OperationalError as error:
            tell(f"{path} was not made smaller ({error}); the next maintenance tries again.")
    return Freed(len(sizes), sum(sizes))


def _holed(home: Path) -> Iterator[tuple[Path, int]]:
    """Yield the databases that are worth it, each with its free bytes."""
    for path in (home / name for name in _DATABASES if (home / name).is_file()):
        with closing(sqlite3.connect(path, timeout=_LOCKED_SECONDS)) as database:
            free, pages, size = (
                database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("freelist_count", "page_count", "page_size")
            )
        if free * size >= _WORTH_BYTES and free >= _WORTH_SHARE * pages:
            yield path, free * size
