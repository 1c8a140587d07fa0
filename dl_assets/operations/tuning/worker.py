"""`python -m dl_assets.operations.tuning.worker ...`: trains one trial after the other until there are enough."""

import gc
import os
import sys
import time
from pathlib import Path

from dl_assets import progress, runner
from dl_assets.operations.tuning.home import Home
from dl_assets.operations.tuning.study import Study
from dl_assets.operations.tuning.trial import run_trial


def work(home: Home, worker: str, target: int, deadline: float) -> None:
    """Run trials until there are `target` in all, or it is `deadline` (seconds as of time.time)."""
    study = Study(home, home.read())
    while time.time() < deadline and (trial := study.next_trial(worker, target)) is not None:
        run_trial(study, trial)


def command(home: Home, worker: str, target: int, deadline: float) -> list[str]:
    module = "dl_assets.operations.tuning.worker"
    return [sys.executable, "-m", module, home.pipeline, home.key, worker, str(target), str(deadline)]


def main(pipeline: str, key: str, worker: str, target: str, deadline: str) -> int:
    runner.die_with_parent()
    gc.freeze()  # what the libraries have made stays: looking at it after every trial takes longer than a tiny one
    os.environ.pop(progress.EVENT_FILE, None)  # whoever listens wants to hear of trials, not of their epochs
    try:
        work(Home(Path(), pipeline, key), worker, int(target), float(deadline))
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
