"""optuna's journal in a file that several processes write, any of which may be killed at any moment."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock


def open_journal(path: Path, lock: Path) -> JournalStorage:
    return JournalStorage(JournalFileBackend(str(path), _KernelLock(path, lock)))


class _KernelLock(JournalFileOpenLock):
    """A lock that its holder cannot leave behind; optuna's own is a file, on which the others wait for 30 s."""

    def __init__(self, journal: Path, lock: Path) -> None:
        super().__init__(str(journal), grace_period=None)
        self._journal, self._path = journal, lock
        self._held = ExitStack()

    def acquire(self) -> bool:
        self._held.close()  # of a call that Ctrl-C ended before optuna could release it: nobody else would, and we would wait
        with ExitStack() as held:
            held.enter_context(locked(self._path, quietly=True))
            cut_half_line(self._journal)
            self._held = held.pop_all()
        return True

    def release(self) -> None:
        self._held.close()


def cut_half_line(journal: Path) -> None:
    """Remove what a process that was killed while it wrote has left of a line: the next one would be glued to it."""
    if not journal.is_file():
        return
    with journal.open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        if size == 0:
            return
        file.seek(size - 1)
        if file.read(1) != b"\n":
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)


@contextmanager
def locked(path: Path, *, quietly: bool = False) -> Iterator[IO[bytes]]:
    """Hold a lock that the kernel drops when the process has died, and every process that was given the file too."""
    with path.open("wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if not quietly:
                print(f"waiting for another process that holds {path}", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file
