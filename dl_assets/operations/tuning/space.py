"""The search space as optuna has it."""

import json
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from dl_assets.config import Pipeline
from dl_assets.problems import plain
from dl_assets.search_space import Dimension, OneOf, Search, Values, put, short, take
from dl_assets.sections import Augment

Params = dict[str, Any]  # name of a place -> what optuna stores for its value


def distributions(search: Search) -> dict[str, BaseDistribution]:
    return {dimension.name: _distribution(dimension) for dimension in search.dimensions}


def values_of(search: Search, params: Params) -> Values:
    """Return what is put into the pipeline file; numbers between two others have four digits."""
    return {dimension.name: _value(dimension, params[dimension.name]) for dimension in search.dimensions}


def params_of(search: Search, values: Values) -> Params | None:
    """Return what optuna stores for these values, or None where one is outside of the space."""
    params = {dimension.name: _param(dimension, values[dimension.name]) for dimension in search.dimensions}
    return None if any(param is None for param in params.values()) else params


def present_values(pipeline: Pipeline, search: Search) -> Values:
    """Return what the pipeline has at these places now: what its file says, else the default."""
    defaults: dict[str, Any] = {
        "train": pipeline.train.model_dump(mode="json"),
        "model": {"name": pipeline.model.name, **pipeline.model.options},
        "augment": Augment().model_dump(),
    }
    written = plain(pipeline.document)
    return {dimension.name: take(written, dimension.name, take(defaults, dimension.name)) for dimension in search.dimensions}


def with_values(pipeline: Pipeline, values: Values) -> Pipeline:
    return Pipeline(pipeline.path, put(plain(pipeline.document), values))


def _distribution(dimension: Dimension) -> BaseDistribution:
    if isinstance(dimension, OneOf):
        return CategoricalDistribution([json.dumps(candidate, sort_keys=True) for candidate in dimension.candidates])
    high = dimension.high
    if dimension.step is not None:  # optuna warns where the last step does not meet the end
        grid = dimension.grid()
        assert grid is not None
        high = grid[-1]
    if dimension.whole:
        return IntDistribution(int(dimension.low), int(high), log=dimension.log, step=int(dimension.step or 1))
    return FloatDistribution(dimension.low, high, log=dimension.log, step=dimension.step)


def _value(dimension: Dimension, param: Any) -> Any:
    if isinstance(dimension, OneOf):
        return json.loads(param)
    return int(param) if dimension.whole else min(max(short(param), dimension.low), dimension.high)


def _param(dimension: Dimension, value: Any) -> Any:
    if isinstance(dimension, OneOf):
        return json.dumps(value, sort_keys=True) if value in dimension.candidates else None
    grid = dimension.grid()
    is_inside = isinstance(value, int | float) and dimension.low <= value <= dimension.high
    return value if is_inside and (grid is None or value in grid) else None
