"""Workspaces for the tests that run the whole product."""

import fcntl
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from workspace import Workspace, copy_of, make_workspace

from dl_assets.operations.sound import require_sound

# These take longest, though they hold few tests: begun last, one of them would keep a single process busy at the end.
LONGEST_FIRST = (
    "orchestration/test_kill.py",
    "test_command_line.py",
    "orchestration/test_interrupt.py",
    "orchestration/test_commands.py",
    "orchestration/test_two_doors.py",
    "orchestration/test_together.py",
    "test_digits.py",
    "test_cats_dogs.py",
)


def pytest_configure() -> None:
    """Let what the tests start be interrupted, also where a shell has started pytest in the background, which ignores SIGINT.

    Dagster, where it runs a job in this process, then gives SIGTERM the handler of SIGINT, and children inherit both.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    turn = {Path(__file__).parent / name: number for number, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: turn.get(item.path, len(turn)))


@pytest.fixture(scope="session")
def _fresh(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = make_workspace(tmp_path_factory.mktemp("fresh") / "w")
    require_sound("digits", made.root)  # else every `dl run` in a copy builds the model once more, which takes seconds
    return made


@pytest.fixture(scope="session")
def _ran(_fresh: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Made once for all processes of pytest-xdist, by the one that needs it first; never used but to be copied."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    made, complete = Workspace(base / "ran"), base / "ran.complete"
    with (base / "ran.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete.exists():
            shutil.rmtree(made.root, ignore_errors=True)  # of a process that failed to make it
            copy_of(_fresh, made.root).run("dl", "run", "digits", "--dagster")
            complete.touch()
    return made


@pytest.fixture
def workspace(_fresh: Workspace, tmp_path: Path) -> Iterator[Workspace]:
    """A fresh clone with a small digits pipeline that was found sound; nothing has run."""
    with _left_by_all(copy_of(_fresh, tmp_path / "w")) as made:
        yield made


@pytest.fixture
def ran(_ran: Workspace, tmp_path: Path) -> Iterator[Workspace]:
    """A copy of a workspace whose digits pipeline has run through its Dagster job."""
    with _left_by_all(copy_of(_ran, tmp_path / "w")) as made:
        yield made


@pytest.fixture(scope="session")
def ran_once(_ran: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """The same, one copy for all tests that only look."""
    return copy_of(_ran, tmp_path_factory.mktemp("ran_once") / "w")


@contextmanager
def _left_by_all(workspace: Workspace) -> Iterator[Workspace]:
    yield workspace
    for process in workspace.processes():
        process.kill()
