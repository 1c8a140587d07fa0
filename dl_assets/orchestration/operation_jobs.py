"""One Dagster job for each operation of a pipeline: it starts the command, shows its progress, and then what it found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from dl_assets.config import load_pipeline
from dl_assets.errors import ConfigError
from dl_assets.orchestration.dead_runs import bury_dead_runs, sign_in
from dl_assets.orchestration.execution import Event, RunFailed, dl_command, follow
from dl_assets.orchestration.metadata import operation_metadata

POOL = "gpu"


@dataclass(frozen=True)
class Operation:
    """A command `dl NAME PIPELINE`, which leaves what it found in data/PIPELINE/NAME/."""

    name: str
    description: str
    section: str | None = None  # offered where the YAML has it; else for every pipeline
    flags: tuple[str, ...] = ()
    options: Mapping[str, dg.Field] = field(default_factory=dict)  # run config: `folds: 5` becomes `--folds 5`

    def command(self, pipeline: str, config: Mapping[str, Any]) -> list[str]:
        given = [word for name, value in config.items() for word in (f"--{name}", str(value))]
        return dl_command(self.name, pipeline, *self.flags, *given)


OPERATIONS = (
    Operation(
        "crossval",
        "Trains and measures once for each fold of train and val.",
        options={"folds": dg.Field(int, is_required=False, description="3 or more; `split.folds` of the YAML by default")},
    ),
    Operation("tune", "Searches for better options and writes them into the YAML.", section="tune", flags=("--yes",)),
)


def operation_jobs(pipeline: str, root: Path) -> list[dg.JobDefinition]:
    """Return a job for each operation that the pipeline's file asks for."""
    try:
        document = load_pipeline(pipeline, root).document
    except ConfigError:  # told elsewhere; what needs no section is still offered
        document = {}
    return [
        make_job(operation, pipeline, root)
        for operation in OPERATIONS
        if operation.section is None or operation.section in document
    ]


def make_job(operation: Operation, pipeline: str, root: Path) -> dg.JobDefinition:
    """Return a job of one op that runs the command in a process session of its own, in the pool of the GPU."""
    name = f"{pipeline}_{operation.name}"

    @dg.op(
        name=f"{pipeline}__{operation.name}",
        description=operation.description,
        config_schema=dict(operation.options),
        out=dg.Out(dg.Nothing),
        pool=POOL,
    )
    def run(context: dg.OpExecutionContext) -> None:
        sign_in(context)
        bury_dead_runs(context.instance)
        try:
            follow(operation.command(pipeline, context.op_config), root, lambda event: _log(context, event))
        except RunFailed as error:
            raise dg.Failure(str(error), allow_retries=False) from None
        context.add_output_metadata(operation_metadata(root / "data" / pipeline / operation.name))

    @dg.job(name=name, description=f"{operation.description} The command: dl {operation.name} {pipeline}")
    def job() -> None:
        run()

    return job


def _log(context: dg.OpExecutionContext, event: Event) -> None:
    """Show an event in the run's log; the first error becomes the message of the failed step."""
    values = {name: value for name, value in event.items() if name not in ("kind", "address", "state")}
    who = event.get("address") or context.job_name
    if event["kind"] == "stage":
        context.log.info(f"{who}: {event['state']}")
    elif event["kind"] == "progress":
        context.log.info(f"{who}: " + " ".join(f"{name}={_short(value)}" for name, value in values.items()))


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
