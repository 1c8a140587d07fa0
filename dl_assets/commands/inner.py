"""Commands that DVC and other commands start; users do not."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from dl_assets import progress
from dl_assets.commands.app import app, print_traceback
from dl_assets.errors import PipelineError


@app.command(hidden=True)
def stage(stage: str, pipeline: str) -> None:
    """Run one stage in the working directory. DVC calls this; you want `dl run`."""
    from dl_assets import runner

    with _told(f"{stage} stage", stage, pipeline):
        runner.run_stage(stage, pipeline)


@app.command(hidden=True)
def folds(pipeline: str, num_folds: int, key: str) -> None:
    """Train the folds of a cross-validation in the working directory. `dl crossval` calls this."""
    from dl_assets.config import load_pipeline
    from dl_assets.operations.crossval.run import crossval as run_folds

    with _told("cross-validation", "crossval", pipeline):
        run_folds(load_pipeline(pipeline), num_folds, key)


@contextmanager
def _told(what: str, name: str, pipeline: str) -> Iterator[None]:
    """Work for the process that started this one: end when it ends, and tell it what went wrong."""
    from dl_assets import runner

    runner.die_with_parent()
    try:
        yield
    except PipelineError as error:
        progress.fail(f"ERROR: {error}", error.exit_code)
        print_traceback()
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - a mistake of ours must not reach the user as a traceback either
        kept = runner.keep_traceback(name, pipeline)
        progress.fail(
            f"ERROR: the {what} of {pipeline} failed with {type(error).__name__}: {error}. "
            f"This is not a mistake of yours that we know; the traceback is in {kept}.",
            1,
        )
        print_traceback()
        sys.exit(1)
