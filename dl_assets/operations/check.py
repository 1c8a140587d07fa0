"""Everything that can be told before a run: pipeline files, the index, the source's place, the environment."""

import importlib.metadata
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement

from dl_assets import index, registry
from dl_assets.config import Pipeline, load_pipeline, scan_pipelines
from dl_assets.errors import ConfigError, DataError, PipelineError
from dl_assets.inputs._table.schema_file import read_schema
from dl_assets.operations.model_fits import require_model_fits

DISTRIBUTION = "dl-assets"


def find_problems(name: str | None, root: Path) -> list[PipelineError]:
    """Return every problem, of one pipeline or of all; an empty list where a run can start."""
    if name:
        return [*_of_pipeline(name, root), *_of_environment()]
    pipelines, misnamed = scan_pipelines(root)
    problems: list[PipelineError] = [*misnamed]
    for pipeline in pipelines:
        problems += _of_pipeline(pipeline, root)
    try:
        index.require_no_leftovers(root)
    except ConfigError as error:
        problems.append(error)
    return problems + _of_environment()


def _of_pipeline(name: str, root: Path) -> list[PipelineError]:
    try:
        config = load_pipeline(name, root).check()
        index.require_fresh(name, root)
    except ConfigError as error:
        return [error]
    return [*_unfit_model(config), *_missing_places(config, root), *_broken_schema(config, root)]


def _unfit_model(config: Pipeline) -> Iterator[ConfigError]:
    try:
        require_model_fits(config)
    except ConfigError as error:
        yield error


def _missing_places(config: Pipeline, root: Path) -> Iterator[DataError]:
    """Tell of every local file or folder that is read and is not there; a URL is asked when it is read."""
    options = config.source.options
    keys = {value: key for key, value in options.items() if isinstance(value, str)}
    for place in registry.module("sources", config.source.name).watched(**options):
        if "://" not in place and not (root / place).exists() and (key := keys.get(place)):
            yield DataError(f"{config.path}: source.{key} '{place}' does not exist. Put the data there, or change the {key}.")
    if config.weights.file and not (root / config.weights.file).exists():
        yield DataError(
            f"{config.path}: model.weights.file '{config.weights.file}' does not exist. Put the file there, or change the path."
        )


def _broken_schema(config: Pipeline, root: Path) -> Iterator[ConfigError]:
    file = getattr(config.clean, "schema", None) if config.task.inputs == "table" else None
    try:
        if file:
            read_schema(root / file)
    except ConfigError as error:
        yield error


def _of_environment() -> list[PipelineError]:
    problems: list[PipelineError] = []
    for line in importlib.metadata.requires(DISTRIBUTION) or []:
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate():
            continue
        try:
            found = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            problems.append(ConfigError(f"{requirement.name} is not installed. Run: make setup"))
            continue
        if not requirement.specifier.contains(found, prereleases=True):
            problems.append(ConfigError(f"{requirement.name} is {found}, but must be {requirement.specifier}. Run: make setup"))
    return problems
