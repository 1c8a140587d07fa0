"""Tells of runs that fail, whoever started them: by a page in data/<pipeline>/failures/, and by the webhook of the YAML."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from dl_assets.artifacts import ARTIFACT_OF_STAGE
from dl_assets.config import JOB_ENDINGS, load_pipeline
from dl_assets.errors import ConfigError
from dl_assets.operations.care.failure import FAILURES, Failure, message_of, recovery, write_failure
from dl_assets.operations.care.webhook import post
from dl_assets.orchestration.failed_step import FailedStep, failed_step, last_lines
from dl_assets.orchestration.webserver import run_link

_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
_LOOKED_BACK = 20


def make_failure_sensors(root: Path, pipelines: list[str]) -> list[dg.SensorDefinition]:
    """Return the sensor of runs that failed, and the one of runs after which all is well again."""
    # Not only the runs of this code location: those of `dl run --dagster` belong to none.
    everywhere: dict[str, Any] = {
        "monitor_all_code_locations": True,
        "default_status": dg.DefaultSensorStatus.RUNNING,
        "minimum_interval_seconds": 10,
    }

    @dg.run_failure_sensor(description="Writes a page of every run that failed, and tells the webhook.", **everywhere)
    def failures(context: dg.RunFailureSensorContext) -> None:
        failure = describe(context, pipelines)
        path = write_failure(root / "data" / failure.pipeline / FAILURES, failure)
        context.log.info(f"{failure.what} failed: {path.relative_to(root)}")
        _tell(context, root, failure.pipeline, message_of(failure))

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS, description="Tells the webhook that a job works again.", **everywhere
    )
    def recoveries(context: dg.RunStatusSensorContext) -> None:
        run = context.dagster_run
        pipeline, operation = subject(run, pipelines)
        if _had_failed(context.instance, run, pipelines):
            job = f"{pipeline}_{operation}" if operation else pipeline
            _tell(context, root, pipeline, recovery(pipeline, job, run.run_id, run_link(run.run_id)))

    return [failures, recoveries]


def subject(run: dg.DagsterRun, pipelines: list[str]) -> tuple[str, str | None]:
    """Return the pipeline that a run is about, and the operation, such as `tune`, if it runs no stages.

    A run of something else, such as the maintenance, is about its job.
    """
    if run.job_name in pipelines:
        return run.job_name, None
    for ending in JOB_ENDINGS:
        if run.job_name.removesuffix(ending) in pipelines and run.job_name.endswith(ending):
            return run.job_name.removesuffix(ending), ending.removeprefix("_")
    selected = sorted({key.path[0] for key in run.asset_selection or ()} & set(pipelines))
    return (selected[0] if selected else run.job_name), None


def describe(context: dg.RunFailureSensorContext, pipelines: list[str]) -> Failure:
    """Put together what is known of the failed run of the context."""
    run, instance = context.dagster_run, context.instance
    pipeline, operation = subject(run, pipelines)
    record = instance.get_run_record_by_id(run.run_id)
    started, ended = (record.start_time, record.end_time) if record else (None, None)
    step = failed_step(instance, run.run_id)
    return Failure(
        pipeline=pipeline,
        job=run.job_name,
        what=step.what if step else run.job_name,
        message=(step and step.message) or (context.failure_event.message or "").strip(),
        exit_code=step.exit_code if step else None,
        command=_command(pipeline, operation, step),
        time=datetime.fromtimestamp(ended, UTC) if ended else datetime.now(UTC),
        seconds=ended - started if started and ended else None,
        run=run.run_id,
        link=run_link(run.run_id),
        last_lines=last_lines(instance, run.run_id, step),
    )


def _command(pipeline: str, operation: str | None, step: FailedStep | None) -> str:
    """Return what repeats the run: all stages of a pipeline, or the command that the failed step gave."""
    if operation is None and (step is None or step.name in ARTIFACT_OF_STAGE):
        return f"dl run {pipeline}"
    return (step and step.command) or f"dl {operation or 'run'} {pipeline}"


def _had_failed(instance: dg.DagsterInstance, run: dg.DagsterRun, pipelines: list[str]) -> bool:
    """Did the last run of this job before this one fail? What is materialised by hand is one job for all pipelines."""
    wanted = dg.RunsFilter(job_name=run.job_name, statuses=_ENDED)
    earlier = instance.get_runs(wanted, limit=_LOOKED_BACK, cursor=run.run_id)
    before = next((other for other in earlier if subject(other, pipelines) == subject(run, pipelines)), None)
    return before is not None and before.status is dg.DagsterRunStatus.FAILURE


def _tell(context: dg.RunStatusSensorContext, root: Path, pipeline: str, message: dict[str, Any]) -> None:
    try:
        webhook = load_pipeline(pipeline, root).notify.webhook
    except ConfigError as error:  # of a run of no pipeline, or one whose file was broken meanwhile
        context.log.info(f"no webhook: {error}")
        return
    if webhook:
        post(webhook, message, context.log.warning)
