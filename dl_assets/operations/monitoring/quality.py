"""Quality itself, of the predictions whose targets came back."""

from typing import Any

import polars as pl

from dl_assets import registry
from dl_assets.config import Pipeline
from dl_assets.operations.monitoring.difference import Difference
from dl_assets.operations.monitoring.served import Served

Quality = dict[str, dict[str, Any]]


def measure_quality(config: Pipeline, served: Served, labelled: pl.DataFrame) -> Quality:
    """Return each metric of the report as value, low and high (95 % by bootstrap), and the reference, which is that of test.

    `labelled` has the columns of the log, and target.
    """
    now, then = (_metrics(config, served, frame) for frame in (labelled, served.tested))
    return {
        name: {**{key: entry[key] for key in ("value", "low", "high")}, "reference": then[name]["value"]}
        for name, entry in now.items()
        if name in then and name != "support"
    }


def _metrics(config: Pipeline, served: Served, frame: pl.DataFrame) -> dict[str, Any]:
    evaluation, options = registry.module("evaluation", config.task.targets), config.evaluate
    found: dict[str, Any] = evaluation.metrics(
        frame, served.exported.fitted, bootstrap_samples=options.bootstrap_samples, seed=options.seed
    )
    return {name: entry for name, entry in found.items() if "value" in entry}


def weigh_quality(config: Pipeline, quality: Quality) -> list[Difference]:
    """Say whether the metric by which models are promoted has become worse: beyond the limit, and beyond chance.

    A loss of what has the unit of the target is told as a share of the reference, as `dl promote` does for slices.
    """
    limit, known = config.monitor.max_metric_drop, registry.module("targets", config.task.targets).METRICS
    name = config.promote.metric or next(iter(known))
    if limit is None or name not in quality:
        return []
    entry = quality[name]
    sign = 1 if known[name] == "maximize" else -1
    headline = registry.module("evaluation", config.task.targets).HEADLINE.get(name)
    unit = abs(entry["reference"]) or 1.0 if headline and headline.is_amount else 1.0
    loss = sign * (entry["reference"] - entry["value"]) / unit
    is_beyond_chance = entry["high"] < entry["reference"] if sign == 1 else entry["low"] > entry["reference"]
    return [Difference(name, "quality", "bootstrap", loss, limit, drifted=loss > limit and is_beyond_chance)]
