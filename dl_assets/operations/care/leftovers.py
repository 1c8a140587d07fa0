"""Files that nobody needs any more, and whose owners are dead: what killed, failed and forgotten runs leave in months.

Each kind is a function that yields what it found; while it waits for its caller, who deletes that, it holds the owner's lock.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dl_assets import files
from dl_assets.artifacts import ARTIFACT_OF_STAGE
from dl_assets.config import load_pipeline, scan_pipelines
from dl_assets.errors import ConfigError
from dl_assets.operations.care.failure import FAILURES
from dl_assets.operations.care.owners import abandoned, experiments, taken

UNUSED_DAYS = 14  # of what a next run would go on from, or a user may want to look at
KEEP_DAYS = 90  # of what tells what happened
_STAMP = "%Y%m%dT%H%M%S.%fZ"

Kind = Callable[[Path], Iterator[Path]]


@dataclass(frozen=True)
class Freed:
    """How many of a kind were, or would be, deleted."""

    count: int
    size_bytes: int


def clear(root: Path, tell: Callable[[str], None], *, dry_run: bool) -> dict[str, Freed]:
    """Delete all kinds of leftovers and return how many there were; with `dry_run` only count them.

    What cannot be deleted is told, and stops nothing.
    """
    found = {}
    for name, kind in KINDS.items():
        sizes = []
        for path in kind(root):
            size = size_of(path)
            try:
                if not dry_run:
                    files.remove(path)
                sizes.append(size)
            except OSError as error:
                tell(f"{path} cannot be deleted ({error.strerror}). Delete it yourself, or give the right to do so.")
        found[name] = Freed(len(sizes), sum(sizes))
    return found


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    return sum(each.lstat().st_size for each in (path, *path.rglob("*")) if not each.is_dir() or each.is_symlink())


# ---- what runs leave in data/.tmp ------------------------------------------------------------------------------


def _abandoned(root: Path) -> Iterator[Path]:
    """Workspaces of stages that were killed: the next run of the stage would begin by deleting them."""
    yield from _of_stages(root, "")


def _failed(root: Path) -> Iterator[Path]:
    """What a stage had made when it did not pass its checks, kept to be looked at."""
    yield from filter(_is_unused, _of_stages(root, ".failed"))


def _checkpoints(root: Path) -> Iterator[Path]:
    """Trainings, folds and searches that were stopped, and that nobody took up again."""
    yield from filter(_is_unused, _of_stages(root, ".checkpoints"))
    for lock in sorted(_tmp(root).glob("*.crossval.lock")):
        with taken(lock) as ours:
            yield from filter(_is_unused, (_tmp(root) / lock.name.partition(".")[0] / "crossval").glob("*") if ours else ())
    for study in sorted(_tmp(root).glob("*/tune/*")):
        with taken(study / "study.lock") as ours:
            # Without the locks: whoever waits for one would hold another than who comes later.
            rest = [path for path in study.iterdir() if path.suffix != ".lock"]
            yield from rest if ours and rest and all(map(_is_unused, rest)) else ()


def _downloads(root: Path) -> Iterator[Path]:
    """Beginnings of files that were never fetched to their end."""
    for part in sorted((root / "data" / "incoming" / ".downloads").glob("*.part")):
        with taken(part.with_suffix(".lock")) as ours:
            if ours and _is_unused(part):
                yield part


def _logs(root: Path) -> Iterator[Path]:
    """Logs and tracebacks of failed runs, and curves for TensorBoard of pipelines that are no more.

    Of the others training itself keeps the latest.
    """
    known = scan_pipelines(root)[0]
    texts = [*_tmp(root).glob("*.traceback.txt"), *_tmp(root).glob("logs/*.log")]
    gone = [path for path in _tmp(root).glob("logs/*") if path.is_dir() and path.name not in known]
    yield from filter(_is_unused, sorted([*texts, *gone]))


def _of_stages(root: Path, ending: str) -> Iterator[Path]:
    """Yield the folders data/.tmp/<pipeline>/<stage><ending> of stages that nobody runs, and hold their locks meanwhile."""
    for stage in ARTIFACT_OF_STAGE:
        for folder in sorted(_tmp(root).glob(f"*/{stage}{ending}")):
            with taken(_tmp(root) / f"{folder.parent.name}.{stage}.lock") as ours:
                if ours and folder.is_dir():
                    yield folder


# ---- what tells of the past ------------------------------------------------------------------------------------


def _failures(root: Path) -> Iterator[Path]:
    """Pages of failed runs."""
    yield from (path for path in sorted((root / "data").glob(f"*/{FAILURES}/*.md")) if _begun(path) < _before(KEEP_DAYS))


def _predictions(root: Path) -> Iterator[Path]:
    """Logs of predictions older than the pipeline's `monitor.keep_days`; none of a pipeline whose file is broken."""
    for folder in sorted((root / "data").glob("*/predictions")):
        try:
            before = _before(_keep_days(folder.parent.name, root))
        except ConfigError:
            continue
        yield from (path for path in sorted(folder.glob("*.parquet")) if _begun(path) < before)


def _keep_days(pipeline: str, root: Path) -> int:
    if pipeline not in scan_pipelines(root)[0]:
        return KEEP_DAYS
    return load_pipeline(pipeline, root).monitor.keep_days


def _experiments(root: Path) -> Iterator[Path]:
    """Temporary copies of the repository in which experiments of DVC ran that were killed."""
    yield from abandoned(experiments(root))


KINDS: dict[str, Kind] = {
    "abandoned stages": _abandoned,
    "failed results": _failed,
    "checkpoints": _checkpoints,
    "downloads": _downloads,
    "logs": _logs,
    "pages of failures": _failures,
    "predictions": _predictions,
    "experiments": _experiments,
}


def _tmp(root: Path) -> Path:
    return root / "data" / ".tmp"


def _before(days: int) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


def _begun(path: Path) -> datetime:
    """Return the time that a file is named after, as logs and pages are; else that of its last change."""
    try:
        return datetime.strptime(path.stem.partition("-")[0], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def _is_unused(path: Path) -> bool:
    """Was nothing in it written for so long?"""
    try:
        newest = max(each.lstat().st_mtime for each in (path, *path.rglob("*")))
    except FileNotFoundError:
        return False  # somebody works in it
    return time.time() - newest > UNUSED_DAYS * 86_400
