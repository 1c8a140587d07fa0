"""Whether somebody still works on what lies in a temporary place."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

_SETTLED_SECONDS = 3600  # a process that begins, or ends, may not stand in its folder


@contextmanager
def taken(lock: Path) -> Iterator[bool]:
    """Hold a lock of the runner, if nobody else does; yields whether it is ours now."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def experiments(root: Path) -> list[Path]:
    """Return the temporary folders of DVC's experiments, those of the queue as well."""
    home = root / ".dvc" / "tmp" / "exps"
    return sorted(path for pattern in ("tmp*", "standalone/tmp*") for path in home.glob(pattern) if path.is_dir())


def abandoned(folders: list[Path]) -> list[Path]:
    """Return those in which no process stands, and into which nothing was put within the last hour."""
    if not folders:
        return []
    places = list(_places())
    return [
        folder
        for folder in folders
        if time.time() - folder.stat().st_mtime > _SETTLED_SECONDS
        and not any(place.is_relative_to(folder.resolve()) for place in places)
    ]


def _places() -> Iterator[Path]:
    for process in psutil.process_iter():
        try:
            yield Path(os.path.realpath(process.cwd()))
        except (psutil.Error, OSError):  # it has ended, or is another user's
            continue
