"""`python -m dl_assets.orchestration.reproduce train@digits ...`: `dvc repro` of single stages that waits for locks.

What follows `--force` are those of them that run although nothing changed.

A process of its own, because DVC inside another program ignores SIGINT while a stage runs.
"""

import argparse
import os
import random
import re
import signal
import sys
import time
from collections.abc import Collection
from pathlib import Path

from dvc.exceptions import DvcException, ReproductionError
from dvc.lock import LockError
from dvc.repo import Repo
from dvc.stage.exceptions import MissingDataSource, StageCmdFailedError

from dl_assets import index, progress, runner
from dl_assets.config import load_pipeline
from dl_assets.errors import ConfigError, Outage, PipelineError
from dl_assets.orchestration.locks import atomic_dvc_lock, forget_dead_holders
from dl_assets.outages import is_outage

MAX_WAIT_SECONDS = 24 * 3600


def main(addresses: list[str], forced: Collection[str] = ()) -> int:
    """Reproduce the stages in the given order; return the exit code."""
    runner.die_with_parent()
    # DVC starts `python` through the shell: let it be this one.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    try:
        with atomic_dvc_lock():
            unchanged = _unchanged(addresses, forced)
            for number, address in enumerate(addresses):
                os.environ[progress.ADDRESS] = address
                ran = number >= unchanged and _reproduce(address, force=address in forced)
                progress.emit("stage", state="done" if ran else "unchanged")
    except PipelineError as error:
        progress.fail(f"ERROR: {error}", error.exit_code)
        return error.exit_code
    except DvcException as error:
        message, code = _explain(address, error)
        progress.fail(f"ERROR: {message}", code)
        return code
    except KeyboardInterrupt:
        progress.fail(f"{address} was stopped. What it had not finished is thrown away; run it again to complete it.", 130)
        return 130
    return 0


def _unchanged(addresses: list[str], forced: Collection[str]) -> int:
    """Return how many of the first stages DVC would skip, asked in one go: to reproduce one reads all of its files anew."""
    if len(addresses) == 1:
        return 0
    try:
        with Repo(_wait_for_lock=True) as repo:
            changed = repo.status(targets=addresses)
    except (LockError, DvcException):
        return 0  # reproducing waits, or says what is wrong
    runs = {*changed, *forced}
    return next((number for number, address in enumerate(addresses) if address in runs), len(addresses))


def _reproduce(address: str, *, force: bool) -> bool:
    """Return whether DVC had something to do."""
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    told = None
    while True:
        try:
            with Repo(_wait_for_lock=True) as repo:
                forget_dead_holders(repo)
                return bool(repo.reproduce(address, single_item=True, force=force))
        except (ReproductionError, LockError) as error:
            blocked = error if isinstance(error, LockError) else error.__cause__
            if not isinstance(blocked, LockError) or time.monotonic() > deadline:
                raise
            reason = str(blocked).split("\n\n")[0].replace("\n", " ")
            if reason != told:
                print(f"{address} waits: {reason}", flush=True)
                progress.emit("stage", state="waiting")
                told = reason
            time.sleep(0.3 + 0.4 * random.random())


def _explain(address: str, error: DvcException) -> tuple[str, int]:
    """One paragraph and an exit code for an error of DVC."""
    pipeline = address.partition("@")[2]
    cause = error.__cause__ if isinstance(error, ReproductionError) and error.__cause__ else error
    if isinstance(cause, StageCmdFailedError):
        return _explain_end(address, int(str(cause).rpartition("exited with ")[2] or 1))
    if isinstance(cause, LockError):
        return f"{address} has waited {MAX_WAIT_SECONDS // 3600} hours for DVC: {cause}", Outage.exit_code
    if isinstance(cause, MissingDataSource | FileNotFoundError):
        return _explain_missing(address, cause), 2
    told = f"{address}: {error}{f' ({cause})' if cause is not error else ''}"
    if is_outage(cause):
        return f"{told}. It may help to run it again.", Outage.exit_code
    mistake = runner.not_writable(cause, runner.DATA / pipeline) if isinstance(cause, OSError) else _mistake(pipeline)
    return (f"{address}: {mistake}", mistake.exit_code) if mistake else (told, 1)


def _explain_end(address: str, code: int) -> tuple[str, int]:
    """The same for the end of a stage's process, which has told what it knows itself."""
    if 0 <= code <= 128:
        known = code in (1, 2, Outage.exit_code)
        return f"{address} failed with exit code {code}; the lines above say why.", code if known else 1
    number = -code if code < 0 else code - 128
    told = f"{address} was ended by signal {number}; if nobody did that, the machine may be out of memory."
    # We send SIGKILL to no stage that nobody ended. What a crash (SIGSEGV) was about, or a polite end, comes again.
    if number == signal.SIGKILL:
        return f"{told} It may help to run it again.", Outage.exit_code
    return told, 1


def _explain_missing(address: str, cause: MissingDataSource | FileNotFoundError) -> str:
    stage, _, pipeline = address.partition("@")
    path = os.path.relpath(cause.filename) if isinstance(cause, FileNotFoundError) else str(cause).partition(": ")[2]
    if stage == "ingest":
        return f"pipelines/{pipeline}.yaml: source.path {path} does not exist. Put the data there, or correct source.path."
    made = re.fullmatch(r"data/(\w+)/\w+", path)
    if stage == "train" and not made:
        return f"pipelines/{pipeline}.yaml: model.weights.file {path} does not exist. Put the file there, or correct the path."
    return f"{address}: {path} does not exist. Make it first: dl run {made[1] if made else pipeline}"


def _mistake(pipeline: str) -> ConfigError | None:
    """What is wrong with the pipeline file, if DVC could not make anything of it."""
    try:
        load_pipeline(pipeline).check()
        index.require_fresh(pipeline)
    except ConfigError as error:
        return error
    return None


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("addresses", nargs="+")
    parser.add_argument("--force", nargs="*", default=[])
    words = parser.parse_args()
    sys.exit(main(words.addresses, words.force))
