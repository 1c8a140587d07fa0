"""The Dagster job of a pipeline, and the schedule that starts it."""

import posixpath
import warnings
from collections.abc import Sequence

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

from dl_assets.config import Pipeline
from dl_assets.orchestration.active_runs import scheduled_run
from dl_assets.orchestration.assets import asset_key
from dl_assets.orchestration.champion_asset import champion_key
from dl_assets.orchestration.forcing import FORCE_TAG, force_tag
from dl_assets.orchestration.graph import Graph

_SKIPS = "What is unchanged is skipped"
# Dagster may still change how a job says who owns it; nobody who starts the UI needs to hear of that.
warnings.filterwarnings("ignore", message=".*`owners`.*beta", category=dg.BetaWarning)


def make_job(graph: Graph, name: str, config: Pipeline | None) -> UnresolvedAssetJobDefinition:
    """Return the job of all stages of a pipeline; `config` is None where its file is broken."""
    description = (
        f"Every stage of {name}, and of the pipelines whose model it begins with. {_SKIPS}; the tag `{FORCE_TAG}: "
        f"train@{name}` of a run trains anyway. In a terminal: `dl run {name}`, or with the tag `dl run {name} --force`."
    )
    if config is None:
        return dg.define_asset_job(name, _needed(graph, name, None), description=description)
    limit = config.schedule.max_hours
    return dg.define_asset_job(
        name,
        _needed(graph, name, config),
        description=description + (f" A run that takes longer than {limit:g} hours is ended." if limit else ""),
        tags=config.tags,
        run_tags={**config.tags, **({"dagster/max_runtime": f"{limit * 3600:g}"} if limit else {})},
        owners=config.owners or None,
    )


def _needed(graph: Graph, name: str, config: Pipeline | None) -> dg.AssetSelection:
    """Every stage of a pipeline, and those of the pipelines whose model it begins with: what is unchanged is skipped.

    At the end the champion, where the pipeline has a rule by which it is replaced without being asked.
    """
    stages = [asset_key(node) for node in graph.of_pipeline(name)]
    is_automatic = config is not None and "promote" in config.document and config.promote.automatic
    return dg.AssetSelection.assets(*stages, *([champion_key(name)] if is_automatic else []))


def make_schedule(graph: Graph, config: Pipeline) -> dg.ScheduleDefinition | None:
    """Return the schedule of a pipeline whose file has a cron. Where its last run still goes on, none is added to it."""
    name, options = f"{config.name}_retrain", config.schedule
    if options.cron is None:
        return None
    forced = forced_by_schedule(graph, config)

    @dg.schedule(
        name=name,
        job_name=config.name,
        cron_schedule=options.cron,
        execution_timezone=options.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=_description(config, forced),
    )
    def retrain(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        if run := scheduled_run(context.instance, name):
            return dg.SkipReason(f"The scheduled run {run[:8]} has not ended yet.")
        return dg.RunRequest(tags=force_tag(forced))

    return retrain


def forced_by_schedule(graph: Graph, config: Pipeline) -> list[str]:
    """Return the addresses of the stages that a run runs although DVC sees no change."""
    return [*ingested_anew(graph, config), *([f"train@{config.name}"] if config.schedule.force else [])]


def ingested_anew(graph: Graph, config: Pipeline) -> list[str]:
    """Return the address of ingest where DVC would not see that the data changed: behind a web address, in a database."""
    ingest = graph.nodes[f"ingest@{config.name}"]
    reads_database = bool(config.source.options.get("query"))
    is_blind = reads_database or not all(_is_seen(place, ingest.deps) for place in config.raw_data)
    return [ingest.address] if is_blind else []


def _is_seen(place: str, deps: Sequence[str]) -> bool:
    """Is it one of the dependencies, or inside of one?

    >>> _is_seen("a/b.csv", ["a"]), _is_seen("a/", ["a"]), _is_seen("ab.csv", ["a"])
    (True, True, False)
    """
    path = posixpath.normpath(place)
    return any(path == dep or path.startswith(f"{dep}/") for dep in map(posixpath.normpath, deps))


def _description(config: Pipeline, forced: Sequence[str]) -> str:
    name, options = config.name, config.schedule
    stages = [address.partition("@")[0] for address in forced]
    commands = [f"dl run {name} ingest --force"] if "ingest" in stages else []
    commands.append(f"dl run {name} --force" if "train" in stages else f"dl run {name}")
    return " ".join(
        [
            f"Runs {name} at '{options.cron}' ({options.timezone}). {_SKIPS}.",
            *(["DVC does not see when the data changes, so it is read anew each time."] if "ingest" in stages else []),
            *(["It trains although nothing changed."] if "train" in stages else []),
            f"In a terminal: `{' && '.join(commands)}`",
        ]
    )
