"""The job `<pipeline>_monitor`, which makes the asset `<pipeline>/drift`, and the schedule that starts it."""

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from dl_assets.config import Pipeline
from dl_assets.orchestration.active_runs import scheduled_run
from dl_assets.orchestration.drift_asset import drift_key
from dl_assets.orchestration.graph import Graph


def make_drift_job(config: Pipeline) -> UnresolvedAssetJobDefinition:
    return dg.define_asset_job(
        f"{config.name}_monitor",
        dg.AssetSelection.assets(drift_key(config.name)),
        description="Looks whether the latest predictions are still like what the model that serves was measured on. "
        f"In a terminal: `dl monitor {config.name}`",
        tags=config.tags,
        owners=config.owners or None,
    )


def make_drift_schedule(graph: Graph, config: Pipeline) -> dg.ScheduleDefinition:
    """Return the schedule of that job; it waits for the first prediction, and for the end of its last run."""
    name, predictions = f"{config.name}_watch", graph.root / "data" / config.name / "predictions"
    cron, timezone = config.monitor.cron, config.schedule.timezone

    @dg.schedule(
        name=name,
        job_name=f"{config.name}_monitor",
        cron_schedule=cron,
        execution_timezone=timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Looks for drift at '{cron}' ({timezone}), once there are predictions. "
        f"In a terminal: `dl monitor {config.name}`",
    )
    def watch(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if not any(predictions.glob("*")):
            return dg.SkipReason(f"There is no prediction yet. Begin with: dl serve {config.name}")
        if run := scheduled_run(context.instance, name):
            return dg.SkipReason(f"The scheduled run {run[:8]} has not ended yet.")
        return dg.RunRequest()

    return watch
