"""How a step ends whose command failed: for good, or, after an outage, to be tried again."""

from typing import NoReturn

import dagster as dg

from dl_assets.errors import Outage
from dl_assets.orchestration.execution import RunFailed

MOST_RETRIES = 2
WAIT_SECONDS = (60.0, 600.0)  # a server that restarts is back after the first, one that is mended after the second
EXIT_CODE, COMMAND = "exit_code", "command"


def fail_step(context: dg.AssetExecutionContext | dg.OpExecutionContext, error: RunFailed) -> NoReturn:
    """End the step. Only an Outage is worth another try: every other error would come again.

    The failure knows the command with which to repeat it; that of the last try ends the step as any other does.
    """
    failure = dg.Failure(str(error), metadata={EXIT_CODE: error.exit_code, COMMAND: error.command}, allow_retries=False)
    if error.exit_code != Outage.exit_code or context.retry_number >= MOST_RETRIES:
        raise failure from None
    seconds = WAIT_SECONDS[context.retry_number]
    context.log.warning(f"tried again in {seconds:g} s, retry {context.retry_number + 1} of {MOST_RETRIES}: {error}")
    raise dg.RetryRequested(MOST_RETRIES, seconds) from failure
