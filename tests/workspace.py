"""A workspace is a copy of what the repository ships, with its own Git, DVC and Dagster storage, in a temporary folder."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import psutil
import pytest
from dvc.repo import Repo

from dl_assets.__main__ import main

REPOSITORY = Path(__file__).parents[1]
SHIPPED = ("dvc.yaml", "workspace.yaml", "dagster.yaml", "dl_assets", "pipelines", ".dvcignore", ".gitignore")
BIN = Path(sys.executable).parent


class Workspace:
    """Runs the project's commands in a folder, as a user would."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def environment(self) -> dict[str, str]:
        ours = ("DL_", "DAGSTER", "DVC", "PYTEST", "PYTHONDONTWRITEBYTECODE")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
        kept.pop("SHELL", None)  # DVC then takes dash, which stays between DVC and the stage: the harder case, as in CI
        return {
            **kept,
            "PATH": f"{BIN}{os.pathsep}{kept['PATH']}",
            "DAGSTER_HOME": str(self.root),
            "COLUMNS": "200",
            "OMP_NUM_THREADS": "1",
        }

    def start(self, *command: str, **options: object) -> "subprocess.Popen[str]":
        arguments = [sys.executable, "-m", "dl_assets", *command[1:]] if command[0] == "dl" else list(command)
        return subprocess.Popen(
            arguments,
            cwd=self.root,
            env=self.environment,
            text=True,
            stdin=subprocess.DEVNULL,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **options},  # type: ignore[call-overload]
        )

    def run(self, *command: str, check: bool = True, timeout: float = 240) -> "subprocess.CompletedProcess[str]":
        process = self.start(*command)
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        if check:
            assert process.returncode == 0, f"{' '.join(command)} exited with {process.returncode}:\n{output}"
        return subprocess.CompletedProcess(command, process.returncode, output)

    def call(self, *command: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
        """Run `dl` in this process, which spares seconds of imports. What it starts, such as stages, are processes as ever."""
        assert command[0] == "dl"
        out, err, code = StringIO(), StringIO(), 0
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(self.root)
            patch.setattr(sys, "argv", list(command))
            environment = self.environment
            for name in set(os.environ) - set(environment):
                patch.delenv(name)
            for name, value in environment.items():
                patch.setenv(name, value)
            try:
                main()
            except SystemExit as end:
                code = int(end.code or 0)
        if check:
            assert code == 0, f"{' '.join(command)} exited with {code}:\n{out.getvalue()}{err.getvalue()}"
        return subprocess.CompletedProcess(command, code, out.getvalue(), err.getvalue())

    def write_pipeline(self, name: str, text: str) -> Path:
        path = self.root / "pipelines" / f"{name}.yaml"
        path.write_text(text)
        return path

    def edit_pipeline(self, name: str, old: str, new: str) -> None:
        path = self.root / "pipelines" / f"{name}.yaml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def processes(self, *words: str) -> list[psutil.Process]:
        """Living processes that work in this folder and have all the words in their command line."""
        found = []
        for process in psutil.process_iter():
            try:
                if (
                    process.pid != os.getpid()
                    and process.status() != psutil.STATUS_ZOMBIE
                    and Path(process.cwd()).is_relative_to(self.root)
                    and all(word in " ".join(process.cmdline()) for word in words)
                ):
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied, OSError):
                continue
        return found

    def changed_in_dvc(self, *targets: str) -> set[str]:
        """What `dvc status` lists, asked of DVC in this process: a new one takes more than a second."""
        with chdir(self.root), Repo(_wait_for_lock=True) as repo:
            return set(repo.status(targets=list(targets) or None))

    def dvc_is_clean(self) -> bool:
        return self.changed_in_dvc() == set()


def wait_for(truth: Callable[[], object], seconds: float = 90, what: str = "") -> None:
    deadline = time.monotonic() + seconds
    while not truth():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what or truth}"
        time.sleep(0.25)  # looking at all processes is not cheap


DIGITS = """\
task: image_classification
source: {kind: builtin, name: digits}
clean: {image_size: 8, channels: 1, min_side: 8}
split: {}
augment: digits
model: {name: cnn, width: 8}
train: {epochs: 2, batch_size: 256, learning_rate: 3.0e-3}
evaluate: {bootstrap_samples: 100, explained: 2, robustness_samples: 16}
export: {}
schedule: {cron: "0 3 * * 1"}
"""


def make_workspace(root: Path) -> Workspace:
    root.mkdir(parents=True, exist_ok=True)
    for name in SHIPPED:
        source = REPOSITORY / name
        if source.is_dir():
            # With what Python has compiled (but not with what another process is compiling), else every first command does so.
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("*.pyc.*"))
        else:
            shutil.copy2(source, root / name)
    (root / ".dvc").mkdir()
    shutil.copy2(REPOSITORY / ".dvc" / "config", root / ".dvc" / "config")
    (root / ".dvc" / ".gitignore").write_text("/config.local\n/tmp\n/cache\n")
    for path in (root / "pipelines").glob("*.yaml"):
        path.unlink()
    workspace = Workspace(root)
    workspace.write_pipeline("digits", DIGITS)
    workspace.run("git", "init", "-q", "-b", "main")
    workspace.call("dl", "sync")
    workspace.run("git", "add", ".")
    workspace.run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "-m", "start")
    return workspace


def copy_of(workspace: Workspace, root: Path) -> Workspace:
    """Copy all that is in a workspace; the copy knows nothing of the original."""
    shutil.copytree(workspace.root, root, symlinks=True, ignore=shutil.ignore_patterns("*.pyc.*"))
    return Workspace(root)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
