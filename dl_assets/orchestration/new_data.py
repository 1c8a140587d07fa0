"""The sensor `<pipeline>_new_data`: one run when the raw data of a source changed and does not change any more."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import dagster as dg
from dvc.lock import LockError

from dl_assets.config import Pipeline
from dl_assets.errors import ConfigError, DataError, Outage
from dl_assets.orchestration.active_runs import active_run
from dl_assets.orchestration.forcing import force_tag
from dl_assets.orchestration.graph import Graph
from dl_assets.orchestration.raw_data import Look, look
from dl_assets.orchestration.retraining import ingested_anew
from dl_assets.orchestration.versions import read_lock

_INTERVAL_SECONDS = 30
_HASHED_BYTES = 4 * 2**30  # more would take longer than Dagster gives a sensor


class Memory(NamedTuple):
    """The cursor: what was seen last, since when, and which content needs no run any more."""

    stamp: str
    since: float
    done: str | None


class Decision(NamedTuple):
    memory: Memory
    waits: str | None  # why no run begins; None where one does


def make_new_data_sensor(graph: Graph, config: Pipeline) -> dg.SensorDefinition | None:
    """Return the sensor of a pipeline whose file has `schedule: {new_data: true}`."""
    name, options = config.name, config.schedule
    if not options.new_data:
        return None
    places = ", ".join(config.raw_data)

    @dg.sensor(
        name=f"{name}_new_data",
        job_name=name,
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Runs {name} once {places} has changed and has stayed so for {options.settle_seconds:g} s. "
        f"In a terminal: `dl run {name}`",
    )
    def new_data(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        try:
            seen = look(config.raw_data, graph.root)
            memory = Memory(*json.loads(context.cursor)) if context.cursor else None
            memory, waits = decide(
                memory,
                seen.stamp,
                time.time(),
                options.settle_seconds,
                active=lambda: active_run(context.instance, name),
                is_ingested=lambda: is_ingested(graph, config, seen),
            )
        except (DataError, ConfigError, Outage) as error:
            return dg.SkipReason(str(error))
        except LockError:
            return dg.SkipReason("DVC is busy; trying again in a moment.")
        cursor = json.dumps(memory)
        if waits:
            return dg.SensorResult(skip_reason=waits, cursor=cursor)
        # The same tick, repeated after a crash, has the same key: Dagster then does not start a second run.
        request = dg.RunRequest(f"{memory.stamp} {memory.since}", tags=force_tag(ingested_anew(graph, config)))
        return dg.SensorResult([request], cursor=cursor)

    return new_data


def decide(
    memory: Memory | None,
    stamp: str,
    now: float,
    settle_seconds: float,
    *,
    active: Callable[[], str | None],
    is_ingested: Callable[[], bool | None],
) -> Decision:
    """Decide whether a run begins. `active` and `is_ingested` are asked only where it depends on them.

    Where nobody can tell whether the data is ingested, that is taken for granted at the first look, and never again.
    """
    if memory is None or memory.stamp != stamp:
        memory = Memory(stamp, now, memory.done if memory else None)
    if memory.done == stamp:
        return Decision(memory, "The raw data has not changed.")
    if now - memory.since < settle_seconds:
        return Decision(memory, f"The raw data changed; a run begins when it has stayed as it is for {settle_seconds:g} s.")
    if run := active():
        return Decision(memory, f"The raw data changed; the run {run[:8]} must end first.")
    known = is_ingested()
    answered = memory._replace(done=stamp)
    if known or (known is None and memory.done is None):
        return Decision(answered, "The raw data is what was ingested last.")
    return Decision(answered, None)


def is_ingested(graph: Graph, config: Pipeline, seen: Look) -> bool | None:
    """Does dvc.lock have this content? None where DVC does not see it, or where to hash it would take too long here."""
    ingest = graph.nodes[f"ingest@{config.name}"]
    entry = read_lock(graph).get(ingest.address)
    if entry is None:
        return False
    if ingested_anew(graph, config) or seen.num_bytes > _HASHED_BYTES:
        return None
    locked = {dep["path"]: dep.get("md5") for dep in entry.get("deps", [])}
    raw = [path for path in ingest.deps if Path(path).parts[0] != "dl_assets"]
    return all(path in locked and graph.hash_of(ingest, path) == locked[path] for path in raw)
