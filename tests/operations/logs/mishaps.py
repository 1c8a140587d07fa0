"""What befalls a log from outside: a disk that is full, and somebody who deletes what is being read."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """Let no file grow beyond this size."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def delete_once_listed(file: Path, patch: pytest.MonkeyPatch) -> None:
    """Let somebody delete a file between the moment at which it is found in its folder and that at which it is read."""
    original = Path.glob

    def glob(folder: Path, pattern: str) -> Any:
        found = list(original(folder, pattern))
        if file in found:
            file.unlink()
        return found

    patch.setattr(Path, "glob", glob)
