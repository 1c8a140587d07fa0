"""Writing so that a killed process leaves the old file or folder, or the new one, and never half of one."""

import os
import shutil
from pathlib import Path


def replace_text(path: Path, text: str) -> None:
    """Write beside the target, flush to the disk, rename."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


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
