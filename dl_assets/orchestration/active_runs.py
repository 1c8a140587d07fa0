"""Which runs of a pipeline wait or go on, so that nothing starts another one beside them."""

import dagster as dg

ACTIVE = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def scheduled_run(instance: dg.DagsterInstance, schedule: str) -> str | None:
    """Return the id of a run that this schedule started and that has not ended."""
    runs = instance.get_runs(dg.RunsFilter(tags={"dagster/schedule_name": schedule}, statuses=ACTIVE), limit=1)
    return runs[0].run_id if runs else None


def active_run(instance: dg.DagsterInstance, pipeline: str) -> str | None:
    """Return the id of a run that makes assets of the pipeline: by its job, or by what was selected in the UI."""
    for run in instance.get_runs(dg.RunsFilter(statuses=ACTIVE)):
        if run.job_name == pipeline or any(key.path[0] == pipeline for key in run.asset_selection or ()):
            return run.run_id
    return None
