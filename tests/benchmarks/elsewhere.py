"""Runs a rival library in an environment of its own, which is made once, in `.bench` beside `.venv`."""

import subprocess
import sys
import venv
from pathlib import Path
from types import TracebackType
from typing import Self

FOLDER = Path(__file__).parents[2] / ".bench"
MEASURED = """\
import contextlib, resource, sys, time

def cpu():
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime

answers, sys.stdout = sys.stdout, sys.stderr
for line in sys.stdin:
    started = cpu()
    work(line.rstrip("\\n"))
    print(cpu() - started, file=answers, flush=True)
"""


def python_with(requirement: str) -> Path | None:
    """Return the Python of an environment that has this package, or None where it cannot be installed."""
    root = FOLDER / requirement.replace("==", "-")
    python = root / "bin" / "python"
    installed = root / "installed"
    if not installed.exists():
        venv.create(root, clear=True, with_pip=True)
        (FOLDER / ".gitignore").write_text("*\n")
        if subprocess.run([python, "-m", "pip", "install", "--quiet", requirement], stdout=sys.stderr, check=False).returncode:
            return None
        installed.touch()
    return python


class Worker:
    """A process that does `work(text)`, defined by a program, again and again; only the work itself is timed."""

    def __init__(self, python: Path, program: str) -> None:
        self._process = subprocess.Popen(
            [python, "-c", program + MEASURED],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.communicate()

    def seconds(self, text: str) -> float:
        """Return the processor time of one piece of work, that of its child processes included."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())
