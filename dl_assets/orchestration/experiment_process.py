"""`python -m dl_assets.orchestration.experiment_process ingest@digits clean@digits,train@digits`, started in a room.

The results of the stages in the first word are only brought from DVC's cache, those in the second are then reproduced.
"""

import sys

from dvc.exceptions import DvcException
from dvc.repo import Repo

from dl_assets import progress, runner
from dl_assets.orchestration import reproduce


def main(kept: list[str], addresses: list[str]) -> int:
    """Bring the results of the workspace's last run from DVC's cache, then reproduce; return the exit code."""
    runner.die_with_parent()
    try:
        with Repo(_wait_for_lock=True) as repo:
            repo.checkout(targets=[*kept, *addresses], force=True, allow_missing=True)
    except DvcException as error:
        progress.fail(f"ERROR: DVC cannot bring the data of the workspace: {error}", 1)
        return 1
    return reproduce.main(addresses)


if __name__ == "__main__":
    sys.exit(main(*([address for address in words.split(",") if address] for words in sys.argv[1:3])))
