"""Runs ONE stage: lock, temporary folder, the stage's function, atomic publish, report."""

import ctypes
import errno
import fcntl
import importlib
import inspect
import os
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

import psutil

from dl_assets import files, index, progress
from dl_assets.artifacts import ARTIFACT_OF_STAGE, STAGE_OF_ARTIFACT
from dl_assets.artifacts.report import Report, write_report
from dl_assets.config import SECTIONS, Pipeline, load_pipeline
from dl_assets.errors import ArtifactError, CheckFailed, ConfigError, DataError, Outage, PipelineError
from dl_assets.problems import choose

DATA = Path("data")
_PAGES, _MEMO = "pages", "memo"
_PR_SET_PDEATHSIG = 1
_SHELLS = ("sh", "ash", "dash", "bash", "zsh")


def run_stage(stage: str, pipeline: str) -> None:
    """Run one stage in the working directory (never $DVC_ROOT: `dvc exp run --temp` keeps the outer one there)."""
    if stage not in ARTIFACT_OF_STAGE:
        raise ConfigError(f"stage '{stage}' is not known{choose(stage, ARTIFACT_OF_STAGE)}")
    os.environ[progress.ADDRESS] = f"{stage}@{pipeline}"
    config = load_pipeline(pipeline)
    config.check(tuple(section for section in SECTIONS if section not in ("augment", "model")))  # checked by who builds them
    index.require_fresh(pipeline)
    function: Callable[..., Report] = getattr(importlib.import_module(f"dl_assets.stages.{stage}"), stage)
    if int(os.environ.get("LOCAL_RANK", "0")):
        _help(function, config, stage, pipeline)
        return
    with writable(DATA / pipeline), locked(DATA / ".tmp" / f"{pipeline}.{stage}.lock"):
        workspace = DATA / ".tmp" / pipeline / stage
        files.remove(workspace)
        out = workspace / ARTIFACT_OF_STAGE[stage]
        out.mkdir(parents=True)
        progress.emit("stage", state="running")
        started = time.monotonic()
        with _about(config.path):
            report = function(config, **_arguments(function, workspace, out, pipeline))
        write_report(workspace / "report.json", report, time.monotonic() - started)
        _publish(report, workspace, out, stage, pipeline)


def _help(function: Callable[..., Report], config: Pipeline, stage: str, pipeline: str) -> None:
    """Take part in a stage that another process runs on several devices: lock nothing, clean nothing, publish nothing.

    Lightning starts such processes by the command line of the first one, and tells them apart by LOCAL_RANK.
    """
    with tempfile.TemporaryDirectory() as folder:
        workspace = DATA / ".tmp" / pipeline / stage
        own = Path(folder, ARTIFACT_OF_STAGE[stage])
        own.mkdir()
        function(config, **_arguments(function, workspace, own, pipeline))


def _arguments(function: Callable[..., Report], workspace: Path, out: Path, pipeline: str) -> dict[str, object]:
    """Return what a stage asks for by the names of its keywords: the artifacts that it reads, and a few places.

    `out` is the artifact that it writes, `pages` a folder for pictures and HTML of its report, `before` the artifact as
    its last run left it (None where there is none), `memo` what it remembers of that run. For these two dvc.yaml must say
    `persist: true`, else DVC deletes the artifact first. `checkpoints` is a folder that outlives a killed run and is removed
    when the artifact is published, `logs` one that stays.
    """
    from dl_assets.artifacts.memo import Memo  # imports pandera, which who only starts stages does without

    before = DATA / pipeline / out.name
    places: dict[str, object] = {
        "out": out,
        "pages": workspace / _PAGES,
        "before": before if before.is_dir() else None,
        "memo": Memo((before, _failed(workspace) / out.name), _memo(workspace), workspace / _MEMO),
        "checkpoints": _checkpoints(workspace),
        "logs": DATA / ".tmp" / "logs" / pipeline,
    }
    names = [p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]
    if "pages" in names:
        (workspace / _PAGES).mkdir()
    return {name: places[name] if name in places else _artifact(name, pipeline) for name in names}


def _artifact(name: str, pipeline: str) -> Path:
    folder = DATA / pipeline / name
    if not folder.is_dir():
        raise ArtifactError(f"{folder} does not exist. Make it first: dl run {pipeline} {STAGE_OF_ARTIFACT[name]}")
    return folder


def _memo(workspace: Path) -> Path:
    return workspace.with_name(f"{workspace.name}.{_MEMO}")


def _checkpoints(workspace: Path) -> Path:
    return workspace.with_name(f"{workspace.name}.checkpoints")


def _failed(workspace: Path) -> Path:
    """Where the result of a run that failed a check is kept."""
    return workspace.with_name(f"{workspace.name}.failed")


def _publish(report: Report, workspace: Path, out: Path, stage: str, pipeline: str) -> None:
    reports = DATA / pipeline / "reports"
    files.publish(workspace / "report.json", reports / f"{stage}.json", workspace / "old.json")
    if (workspace / _PAGES).exists():  # also where a check failed: they show why
        files.publish(workspace / _PAGES, reports / stage, workspace / "old_pages")
    if (workspace / _MEMO).exists():
        files.publish(workspace / _MEMO, _memo(workspace), workspace / "old_memo")
    kept = _failed(workspace)
    files.remove(kept)
    failed = report.failed()
    if failed:
        workspace.replace(kept)
        raise CheckFailed(
            f"{pipeline}: the {stage} stage did not pass {len(failed)} check{'s' if len(failed) > 1 else ''}. "
            + " ".join(check.sentence() for check in failed)
            + f" What it wrote is kept in {kept / out.name} for you to look at."
        )
    files.publish(out, DATA / pipeline / out.name, workspace / "old")
    files.remove(_checkpoints(workspace))
    files.remove(workspace)


def keep_traceback(stage: str, pipeline: str) -> Path:
    """Write the traceback of the error that is being handled where it can be read later; return the file."""
    path = DATA / ".tmp" / f"{pipeline}.{stage}.traceback.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(traceback.format_exc(), encoding="utf-8")
    return path


@contextmanager
def _about(path: Path) -> Iterator[None]:
    """Let a complaint about the data name the pipeline file that leads to the data."""
    try:
        yield
    except (DataError, Outage) as error:
        if str(path) in str(error):
            raise
        raise type(error)(f"{path}: {error}") from error


@contextmanager
def writable(folder: Path) -> Iterator[None]:
    """Make the folder; raise ConfigError where it, or what is written meanwhile, cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        if mistake := not_writable(error, folder):
            raise mistake from error
        raise


def not_writable(error: OSError, folder: Path) -> ConfigError | None:
    """Return what the user can do about an error met while writing below `folder`, if it is of that kind."""
    what = f"{error.filename or folder} cannot be written"
    if isinstance(error, PermissionError):
        remedy = "Give yourself the right to write there, or free it of other users' files."
    elif isinstance(error, (FileExistsError, NotADirectoryError)):
        what += ": a file is where a folder must be"
        remedy = f"Move the file away that stands in the place of {folder} or of a folder above it."
    elif error.errno in (errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        remedy = "Free some space or choose a folder that is not read-only."
    else:
        return None
    return ConfigError(f"{what} ({error.strerror}). {remedy}")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a stage's lock; the kernel drops it when the process dies, however it dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for another process that runs {path.stem}", flush=True)
            progress.emit("stage", state="waiting")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def die_with_parent() -> None:
    """End this process when its parent ends, so that a killed DVC, worker or terminal leaves no training behind."""
    parent, ancestors = os.getppid(), _ancestors()
    signal.signal(signal.SIGTERM, _interrupted)
    if sys.platform == "linux":  # at once; the watch below takes up to half a second
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    threading.Thread(target=_watch, args=(ancestors,), daemon=True).start()
    if os.getppid() != parent:  # it ended before we could ask to be told
        raise PipelineError("the process that started this stage has ended; stopping too.")


def _watch(ancestors: tuple[int, ...]) -> None:
    while _ancestors() == ancestors:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)


def _ancestors() -> tuple[int, ...]:
    """Ids of our parent and, where that is the shell of a `sh -c`, of the process that started the shell.

    bash steps aside for its only command; dash, which DVC takes where $SHELL is not set, stays in between.
    """
    try:
        parent = psutil.Process(os.getppid())
        words = parent.cmdline()
        in_between = "-c" in words[1:] and Path(words[0]).name in _SHELLS
        return (parent.pid, parent.ppid()) if in_between else (parent.pid,)
    except psutil.Error:
        return (os.getppid(),)


def _interrupted(signum: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
