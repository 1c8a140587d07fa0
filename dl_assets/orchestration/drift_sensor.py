"""The sensor `<pipeline>_drift`: an alarm of `dl monitor` starts the pipeline, whose job ends at the champion's gate."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import dagster as dg

from dl_assets.artifacts.report import read_json
from dl_assets.config import Pipeline
from dl_assets.operations.monitoring import REPORT
from dl_assets.operations.promotion.folder import MODEL, sha256_of
from dl_assets.orchestration.active_runs import active_run
from dl_assets.orchestration.forcing import force_tag
from dl_assets.orchestration.graph import Graph
from dl_assets.orchestration.retraining import forced_by_schedule

_INTERVAL_SECONDS = 60


class Memory(NamedTuple):
    """The cursor: which alarm about which model was answered by a run, and when."""

    model: str
    alarm: str
    at: float


def make_drift_sensor(graph: Graph, config: Pipeline) -> dg.SensorDefinition | None:
    """Return the sensor of a pipeline whose section `monitor` asks for retraining."""
    name, folder, cooldown = config.name, graph.root / "data" / config.name, config.monitor.cooldown_hours
    if not config.monitor.retrain:
        return None

    @dg.sensor(
        name=f"{name}_drift",
        job_name=name,
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Runs {name} when `dl monitor {name}` has found drift, and for one model not again before {cooldown:g} "
        f"hours have passed. In a terminal: `dl run {name}`, then `dl promote {name}`",
    )
    def drift(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        decision = decide(
            Memory(*json.loads(context.cursor)) if context.cursor else None,
            read_json(folder / REPORT) if (folder / REPORT).is_file() else None,
            time.time(),
            cooldown,
            serving=lambda: serving(folder),
            active=lambda: active_run(context.instance, name),
        )
        if isinstance(decision, str):
            return dg.SkipReason(decision)
        # The same alarm, looked at again after a crash, has the same key: Dagster then does not start a second run.
        request = dg.RunRequest(f"{decision.model} {decision.alarm}", tags=force_tag(forced_by_schedule(graph, config)))
        return dg.SensorResult([request], cursor=json.dumps(decision))

    return drift


def decide(
    memory: Memory | None,
    report: dict[str, Any] | None,
    now: float,
    cooldown_hours: float,
    *,
    serving: Callable[[], str | None],
    active: Callable[[], str | None],
) -> Memory | str:
    """Return the alarm that a run is to answer, or why none begins: one for each model and alarm, and not too often."""
    if report is None:
        return "Nobody has looked for drift yet."
    if not report["retrain"]:
        return f"No run is asked for: {report['reason']}"
    if report["model"] != serving():
        return "The alarm is about a model that does not serve any more."
    if memory and memory.model == report["model"]:
        if memory.alarm == report["time"]:
            return "A run has answered this alarm."
        if (hours := (memory.at - now) / 3600 + cooldown_hours) > 0:
            return f"A run has answered an alarm about this model; the next one may begin in {hours:.1f} hours."
    if run := active():
        return f"There is drift; the run {run[:8]} must end first."
    return Memory(report["model"], report["time"], now)


def serving(folder: Path) -> str | None:
    """Return the sha256 of the model that serves: the champion, or where there is none what was exported."""
    found = (folder / name / MODEL for name in ("champion", "exported"))
    return next((sha256_of(model) for model in found if model.is_file()), None)
