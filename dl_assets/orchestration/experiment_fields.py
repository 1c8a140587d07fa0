"""What the launchpad asks of an experiment, and how it becomes words of the command."""

import json
from collections.abc import Mapping
from typing import Any

import dagster as dg

_CHANGES = (
    "Places in the pipeline file, and the values to try at each; every combination is one experiment. For example: "
    "{train.learning_rate: [0.01, 0.001], model.width: [8, 16]}"
)


def experiment_fields() -> dict[str, dg.Field]:
    return {
        "changes": dg.Field({str: [dg.Any]}, description=_CHANGES),
        "name": dg.Field(str, is_required=False, description="Name of the experiment; several are numbered."),
    }


def experiment_words(config: Mapping[str, Any]) -> list[str]:
    """JSON is YAML, which the command reads: `changes: {train.epochs: [5, 10]}` becomes `train.epochs=5,10`."""
    changes = [f"{place}={','.join(map(json.dumps, values))}" for place, values in config["changes"].items()]
    return [*changes, *(["--name", config["name"]] if "name" in config else [])]
