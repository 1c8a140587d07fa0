"""Shows the events of a command in the log of a run."""

from typing import Any

import dagster as dg

from dl_assets.orchestration.execution import Event


def log_event(context: dg.OpExecutionContext, event: Event) -> None:
    """Show an event in the run's log; the first error becomes the message of the failed step."""
    values = {name: value for name, value in event.items() if name not in ("kind", "address", "state")}
    who = event.get("address") or context.job_name
    if event["kind"] == "stage":
        context.log.info(f"{who}: {event['state']}")
    elif event["kind"] == "progress":
        context.log.info(f"{who}: " + " ".join(f"{name}={_short(value)}" for name, value in values.items()))


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
