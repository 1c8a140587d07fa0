"""One Dagster job for each operation of a pipeline: it starts the command, shows its progress, and then what it found."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from dl_assets.config import Pipeline, load_pipeline
from dl_assets.errors import ConfigError
from dl_assets.orchestration.dead_runs import bury_dead_runs, sign_in
from dl_assets.orchestration.event_log import log_event
from dl_assets.orchestration.execution import RunFailed, dl_command, follow
from dl_assets.orchestration.experiment_fields import experiment_fields, experiment_words
from dl_assets.orchestration.metadata import operation_metadata
from dl_assets.orchestration.predict_job import make_predict_job
from dl_assets.orchestration.retries import fail_step

POOL = "gpu"
log = logging.getLogger("dagster")


def _as_options(config: Mapping[str, Any]) -> list[str]:
    return [word for name, value in config.items() for word in (f"--{name}", str(value))]


@dataclass(frozen=True)
class Operation:
    """A command `dl NAME PIPELINE`, which leaves what it found in data/PIPELINE/NAME/."""

    name: str
    description: str
    section: str | None = None  # offered where the YAML has it; else for every pipeline
    flags: tuple[str, ...] = ()
    # Run config, of which `folds: 5` becomes `--folds 5`. With its default the launchpad shows it.
    options: Callable[[Pipeline], dict[str, dg.Field]] = lambda config: {}
    words: Callable[[Mapping[str, Any]], list[str]] = _as_options

    def command(self, pipeline: str, config: Mapping[str, Any]) -> list[str]:
        return dl_command(self.name, pipeline, *self.flags, *self.words(config))


OPERATIONS = (
    Operation(
        "crossval",
        "Trains and measures once for each fold of train and val.",
        options=lambda config: {"folds": dg.Field(int, default_value=config.split.folds, description="3 or more")},
    ),
    Operation(
        "experiment",
        "Runs every combination of changed values as a DVC experiment; the workspace stays as it is.",
        options=lambda config: experiment_fields(),
        words=experiment_words,
    ),
    Operation("tune", "Searches for better options and writes them into the YAML.", section="tune", flags=("--yes",)),
)


def operation_jobs(pipeline: str, root: Path) -> list[dg.JobDefinition]:
    """Return a job for each operation that the pipeline's file asks for; none where the file is broken, for none would run."""
    try:
        config = load_pipeline(pipeline, root)
        wanted = [operation for operation in OPERATIONS if operation.section in (None, *config.document)]
        return [*(make_job(operation, config, root) for operation in wanted), make_predict_job(config, root)]
    except ConfigError as error:
        log.warning("no operations for %s: %s", pipeline, error)
        return []


def make_job(operation: Operation, config: Pipeline, root: Path) -> dg.JobDefinition:
    """Return a job of one op that runs the command in a process session of its own, in the pool of the GPU."""
    pipeline = config.name

    @dg.op(
        name=f"{pipeline}__{operation.name}",
        description=operation.description,
        config_schema=operation.options(config),
        out=dg.Out(dg.Nothing),
        pool=POOL,
    )
    def run(context: dg.OpExecutionContext) -> None:
        sign_in(context)
        bury_dead_runs(context.instance)
        try:
            follow(operation.command(pipeline, context.op_config), root, lambda event: log_event(context, event))
        except RunFailed as error:
            fail_step(context, error)
        context.add_output_metadata(operation_metadata(root / "data" / pipeline / operation.name))

    @dg.job(
        name=f"{pipeline}_{operation.name}", description=f"{operation.description} The command: dl {operation.name} {pipeline}"
    )
    def job() -> None:
        run()

    return job
