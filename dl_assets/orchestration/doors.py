"""The two doors to one run, as the command line opens them: DVC directly, or DVC through the Dagster job."""

import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

from dl_assets import progress
from dl_assets.artifacts import ARTIFACT_OF_STAGE
from dl_assets.errors import ConfigError
from dl_assets.orchestration.execution import RunFailed, follow, job_command, reproduce_command
from dl_assets.orchestration.graph import load_graph
from dl_assets.orchestration.terminal import display
from dl_assets.orchestration.webserver import WEBSERVER
from dl_assets.problems import choose
from dl_assets.runner import writable


def run(pipeline: str, stage: str | None, root: Path, *, through_dagster: bool, as_json: bool, is_forced: bool = False) -> None:
    """Run the stages of a pipeline up to and including `stage` (all by default). Raises RunFailed.

    `is_forced` runs that stage, or the training where none is given, although nothing changed.
    """
    if stage is not None and stage not in ARTIFACT_OF_STAGE:
        raise ConfigError(f"stage '{stage}' is not known{choose(stage, ARTIFACT_OF_STAGE)}")
    addresses = [node.address for node in load_graph(root).of_pipeline(pipeline, stage)]
    forced = [f"{stage or 'train'}@{pipeline}"] if is_forced else []
    command = job_command(pipeline, stage, forced) if through_dagster else reproduce_command(addresses, forced)
    lost = "What was not finished is thrown away; run it again to complete it."
    follow_shown(command, addresses, pipeline, root, as_json=as_json, lost=lost)


def follow_shown(command: Sequence[str], addresses: list[str], pipeline: str, root: Path, *, as_json: bool, lost: str) -> None:
    """Run a command and show its events, its output going to a log file. `lost` is told where it is interrupted.

    Raises RunFailed, whose message says where the log is.
    """
    log = root / "data" / ".tmp" / "logs" / f"{pipeline}-{os.getpid()}.log"
    for folder in (root / "data" / pipeline, log.parent):
        with writable(folder):
            pass
    with log.open("wb") as output, display(addresses, as_json) as shown:
        try:
            follow(command, root, shown.show, output, {"DAGSTER_HOME": str(root.resolve())})
        except RunFailed as error:
            raise RunFailed(f"{error}{_more(log, root, error.exit_code)}", error.exit_code) from None
        except KeyboardInterrupt:
            log.unlink()
            raise RunFailed(f"stopped. {lost}", 130) from None
    log.unlink()


def open_ui(root: Path, host: str, port: int) -> None:
    """Replace this process by Dagster's webserver and daemon. Raises ConfigError where the port is taken."""
    _require_free(host, port)  # Dagster would take another one, and neither the user nor the sensor would know which
    print(f"Dagster starts at http://{host}:{port}", flush=True)
    os.chdir(root)
    os.environ.update({"DAGSTER_HOME": str(root.resolve()), WEBSERVER: f"http://{host}:{port}"})
    os.execv(sys.executable, [sys.executable, "-m", "dagster", "dev", "-w", "workspace.yaml", "-h", host, "-p", str(port)])


def _require_free(host: str, port: int) -> None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            raise ConfigError(
                f"http://{host}:{port} cannot be served ({error.strerror}); is a UI open there already? "
                f"If not, choose another port: dl ui --port {port + 1}"
            ) from None


def _more(log: Path, root: Path, exit_code: int) -> str:
    """Where to read on: nowhere after a mistake of the user's, which the message itself explains."""
    text = log.read_text(encoding="utf-8", errors="replace").rstrip()
    if os.environ.get(progress.DEBUG):
        return f"\nThe whole log:\n{text}"
    if exit_code == ConfigError.exit_code:
        log.unlink()
        return ""
    return f"\nThe whole log: {log.relative_to(root)}" if text else ""
