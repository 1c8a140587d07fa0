"""A PostgreSQL server of the tests' own, from the distribution's packages, whose user `ada` has a password."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PASSWORD = "p@ss:w/rd %1"
BIN = max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


@contextmanager
def server() -> Iterator[int]:
    """Yield its port; the database is `postgres`. Skips where there is none."""
    if BIN is None:
        pytest.skip("PostgreSQL is not installed: on Debian and Ubuntu, apt-get install postgresql")
    if os.geteuid() == 0 and not shutil.which("runuser"):
        pytest.skip("PostgreSQL must not run as root, and there is no runuser to run it as somebody else")
    folder = Path(tempfile.mkdtemp(prefix="dl-postgresql-", dir="/tmp"))  # its socket's path must be short
    try:
        yield _start(BIN, folder)
    finally:
        _as_server([str(BIN / "pg_ctl"), "-D", str(folder / "data"), "-m", "immediate", "stop"], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _start(folder_of_programs: Path, folder: Path) -> int:
    (folder / "password").write_text(PASSWORD)
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
        shutil.chown(folder / "password", "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    data = str(folder / "data")
    login = ["--auth=scram-sha-256", "-U", "ada", f"--pwfile={folder / 'password'}"]
    _as_server([str(folder_of_programs / "initdb"), "-D", data, "-E", "UTF8", "--no-sync", *login])
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    log = str(folder / "log")
    _as_server([str(folder_of_programs / "pg_ctl"), "-D", data, "-o", options, "-l", log, "-w", "-t", "60", "start"])
    return port


def _as_server(command: list[str], check: bool = True) -> None:
    other = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    done = subprocess.run([*other, *command], capture_output=True, text=True, cwd="/tmp", timeout=120, stdin=subprocess.DEVNULL)
    assert not check or done.returncode == 0, done.stdout + done.stderr
