"""DVC's locks, made to survive kill -9: an atomic dvc.lock, and no entry of a process that is gone.

Touches private names of DVC; tests/orchestration/test_private_names.py fails when an upgrade moves one.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dvc.utils.serialize._common as common_format
import dvc.utils.serialize._yaml as yaml_format
import psutil
from dvc.repo import Repo
from dvc.rwlock import RWLOCK_FILE, RWLockFileCorruptedError, RWLockFileFormatError, _edit_rwlock


@contextmanager
def atomic_dvc_lock() -> Iterator[None]:
    """Let DVC write YAML beside its target and rename it: a reader, or a kill, never meets half a file."""
    original = yaml_format._dump_data

    def dump(path: Any, data: Any, dumper: Any, fs: Any = None, **options: Any) -> None:
        temporary = Path(f"{path}.{os.getpid()}.tmp")
        original(os.fspath(temporary), data, dumper=dumper, fs=fs, **options)
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)

    common_format._dump_data = yaml_format._dump_data = dump
    try:
        yield
    finally:
        common_format._dump_data = yaml_format._dump_data = original


def forget_dead_holders(repo: Repo) -> list[int]:
    """Remove the entries of DVC's read-write lock whose process has ended; return their process numbers.

    DVC does so itself, but takes any process of that number for the holder: after a reboot it would wait for ever.
    """
    try:
        return _forget(repo)
    except (RWLockFileCorruptedError, RWLockFileFormatError):
        # Every writer holds the guard while it writes, so half a file was left by one that was killed.
        (Path(repo.tmp_dir) / RWLOCK_FILE).unlink(missing_ok=True)
        return []


def _forget(repo: Repo) -> list[int]:
    dead: set[int] = set()
    with _edit_rwlock(repo.tmp_dir, repo.fs, repo.config["core"].get("hardlink_lock", False)) as lock:
        for path, holder in list(lock["write"].items()):
            if not _holds(holder["pid"], repo.root_dir):
                dead.add(holder["pid"])
                del lock["write"][path]
        for path, holders in list(lock["read"].items()):
            dead |= {holder["pid"] for holder in holders if not _holds(holder["pid"], repo.root_dir)}
            lock["read"][path] = [holder for holder in holders if holder["pid"] not in dead]
            if not lock["read"][path]:
                del lock["read"][path]
    return sorted(dead)


def _holds(pid: int, root: str) -> bool:
    """Is the process alive, and one that runs DVC in this repository?"""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        is_here = Path(process.cwd()).resolve().is_relative_to(Path(root).resolve())
        return is_here and any(word in " ".join(process.cmdline()) for word in ("dvc", "dl_assets"))
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True  # another user's process: better to wait than to run beside it
