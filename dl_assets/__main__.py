"""The command line: `dl` and `python -m dl_assets`. Every module of `commands` adds its own."""

import sys

from dl_assets import progress
from dl_assets.commands import (  # noqa: F401 - each adds its commands
    champion,
    collect,
    experiment,
    feedback,
    files,
    gc,
    inner,
    learn,
    monitor,
    remote,
    run,
    use,
)
from dl_assets.commands.app import app, print_traceback
from dl_assets.errors import PipelineError

__all__ = ["app", "main"]


def main() -> None:
    """Run a command; an error is one paragraph and an exit code (2: yours to mend, 1: a run failed)."""
    try:
        app(prog_name="dl")
    except PipelineError as error:
        _fail(str(error), error.exit_code)
    except OSError as error:
        _fail(f"{error.filename or 'a file'} cannot be used ({error.strerror}). Mend that and try again.", 2)
    except Exception as error:  # noqa: BLE001 - a mistake of ours must not reach the user as a traceback either
        _fail(f"{type(error).__name__}: {error}. This is not a mistake of yours that we know; `dl --debug ...` tells more.", 1)


def _fail(message: str, exit_code: int) -> None:
    progress.fail(f"ERROR: {message}", exit_code)  # also to whoever started the command, such as Dagster
    print_traceback()
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
