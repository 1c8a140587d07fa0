"""Writing so that a killed process leaves the old file or folder, or the new one, and never half of one."""

import ctypes
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_IN_WORKING_DIRECTORY, _EXCHANGE = -100, 2  # AT_FDCWD; RENAME_EXCHANGE of Linux, and RENAME_SWAP of macOS, which is 2 as well


def replace_text(path: Path, text: str) -> None:
    """Write beside the target, flush to the disk, rename."""
    replace_bytes(path, text.encode())


def replace_bytes(path: Path, content: bytes) -> None:
    """The same with bytes."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


@contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Give the place of a file that takes the place of `path`, flushed to the disk, unless writing it fails."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        _sync_one(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def publish(source: Path, target: Path, aside: Path) -> None:
    """Move the finished `source` to `target`; what was there goes to `aside` first and is deleted last.

    The old result is moved, not written over: it may be a link into DVC's cache.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists() or target.is_symlink():
        target.replace(aside)
    source.replace(target)
    remove(aside)


def remove(path: Path) -> None:
    """Delete a file, a link or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def swap(new: Path, target: Path, aside: Path) -> None:
    """Put the finished folder `new` in the place of `target`, so that at every moment one of the two is there, whole.

    What was at `target` lies at `new` afterwards. The kernel exchanges both names in one step; where the file system cannot
    (some network mounts), the old folder is moved to `aside` for an instant, and a crash in this instant leaves it there.
    """
    sync(new)
    if not target.exists():
        new.replace(target)
    elif not _exchange(new, target):
        target.replace(aside)
        new.replace(target)
        aside.replace(new)
    for folder in {new.parent, target.parent}:
        _sync_one(folder)


def sync(folder: Path) -> None:
    """Flush a folder with all its files to the disk."""
    for path in sorted(folder.rglob("*")):
        _sync_one(path)
    _sync_one(folder)


def _sync_one(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _exchange(one: Path, other: Path) -> bool:
    """Exchange the names of two folders in one step; False where the system or the file system cannot do that."""
    library, names = ctypes.CDLL(None, use_errno=True), (os.fsencode(one), os.fsencode(other))
    try:
        if sys.platform == "darwin":
            return bool(library.renamex_np(*names, _EXCHANGE) == 0)
        here = _IN_WORKING_DIRECTORY
        return bool(library.renameat2(here, names[0], here, names[1], _EXCHANGE) == 0)
    except AttributeError:  # a C library without that call
        return False
