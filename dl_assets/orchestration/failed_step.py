"""The step at which a run failed or was killed, as Dagster's events tell of it, and what it printed last."""

from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import dagster as dg
from dagster._core.errors import DagsterExecutionInterruptedError
from dagster._core.execution.stats import StepEventStatus

from dl_assets.orchestration.retries import COMMAND, EXIT_CODE

_INTERRUPTED = {DagsterExecutionInterruptedError.__name__, KeyboardInterrupt.__name__}
_NUM_LINES = 20


@dataclass(frozen=True)
class FailedStep:
    """`message` is None where the step was ended from outside: then the run knows more."""

    key: str
    message: str | None = None
    exit_code: int | None = None
    command: str | None = None

    @property
    def name(self) -> str:
        return self.key.rpartition("__")[2]

    @property
    def what(self) -> str:
        pipeline, _, name = self.key.rpartition("__")
        return f"{name}@{pipeline}" if pipeline else name


def failed_step(instance: dg.DagsterInstance, run_id: str) -> FailedStep | None:
    """Return the first step that failed; where none did, one that was running when the run ended."""
    records = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.STEP_FAILURE).records
    for record in records:
        event = record.event_log_entry.dagster_event
        if event and event.step_key:
            return _read(event.step_key, event.step_failure_data)
    stats = instance.get_run_step_stats(run_id)
    begun = [step.step_key for step in stats if step.status in (None, StepEventStatus.IN_PROGRESS)]
    return FailedStep(begun[0]) if begun else None


def _read(key: str, data: Any) -> FailedStep:
    if data.user_failure_data:
        told = {name: value.value for name, value in (data.user_failure_data.metadata or {}).items()}
        return FailedStep(key, data.user_failure_data.description, told.get(EXIT_CODE), told.get(COMMAND))
    if data.error is None or data.error.cls_name in _INTERRUPTED:
        return FailedStep(key)
    cause = data.error.cause or data.error
    return FailedStep(key, cause.message.strip())


def last_lines(instance: dg.DagsterInstance, run_id: str, step: FailedStep | None) -> tuple[str, ...]:
    """Return the last lines that the commands of the step wrote, those on the error stream behind the others."""
    records = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.LOGS_CAPTURED).records
    captured = [event.logs_captured_data for record in records if (event := record.event_log_entry.dagster_event)]
    keys = [data.file_key for data in captured if step is None or not data.step_keys or step.key in data.step_keys]
    if not keys:
        return ()
    manager = instance.compute_log_manager
    found = manager.get_log_data(manager.build_log_key_for_run(run_id, keys[-1]))
    return tuple(line for text in (found.stdout, found.stderr) for line in _last(text))


def _last(text: bytes | None) -> list[str]:
    """Leave out what Dagster logs itself: it repeats the message, and adds a stack of its own."""
    lines = (text or b"").decode("utf-8", errors="replace").rstrip().splitlines()
    before = takewhile(lambda line: " STEP_FAILURE " not in line, lines)
    return [line for line in before if line and " - dagster - " not in line][-_NUM_LINES:]
