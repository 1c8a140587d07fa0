"""`signature.json`: how to ask the model and how to read its answer; and what the model says of itself."""

import json
from typing import Any

from dl_assets import registry
from dl_assets.config import Pipeline
from dl_assets.exporting.embedding import EMBEDDING
from dl_assets.exporting.graph import MODEL, OPSET
from dl_assets.exporting.reference import REFERENCE, Reference

SIGNATURE = "signature.json"


def signature(config: Pipeline, fitted: dict[str, Any], shape: tuple[int, ...], reference: Reference) -> dict[str, Any]:
    """Say it for a person who has nothing but this file and the model; `fitted` is of the inputs and of the targets."""
    inputs, targets = registry.module("inputs", config.task.inputs), registry.module("targets", config.task.targets)
    clean = made_by(config)
    described = inputs.any_size if config.export.resize else inputs
    return {
        "pipeline": config.name,
        "task": config.task_name,
        "file": MODEL,
        "opset": OPSET,
        "input": {
            "name": config.task.inputs,
            "dtype": inputs.DTYPE,
            "shape": ["batch", *(inputs.any_size.shape(shape) if config.export.resize else shape)],
            "meaning": described.describe(shape, clean),
            "made_by": {"clean": clean},
            "fitted": fitted["inputs"],
        },
        "output": {
            "name": targets.OUTPUT,
            "dtype": "float32",
            "shape": ["batch", targets.num_outputs(fitted["targets"])],
            "meaning": targets.describe(),
            "fitted": fitted["targets"],
        },
        **_embedding(reference),
    }


def _embedding(reference: Reference) -> dict[str, Any]:
    if reference.embedding is None:
        return {"no_embedding": reference.reason}
    size = reference.embedding.size
    meaning = (
        f"what the last layer is given, on its {size} principal components; each has the mean 0 and the variance 1 in "
        f"{REFERENCE}. Only {MODEL} answers with it."
    )
    return {
        "embedding": {
            "name": EMBEDDING,
            "size": size,
            "dtype": "float32",
            "shape": ["batch", size],
            "meaning": meaning,
        }
    }


def made_by(config: Pipeline) -> dict[str, Any]:
    """Return the options of `clean` by which the model's stored inputs were made."""
    inputs = registry.module("inputs", config.task.inputs)
    return {name: getattr(config.clean, name) for name in registry.options_of(inputs.clean).model_fields}


def properties(config: Pipeline, card: dict[str, Any], metrics: dict[str, Any], calibration: dict[str, Any]) -> dict[str, str]:
    """Return what the file itself is to say: what the model is for, what it was made from and by, and how good it is.

    The revision is that of the training, which made the weights; `unknown` where it was in no Git repository.
    """
    measured = {name: entry["value"] for name, entry in metrics.items() if isinstance(entry, dict) and "value" in entry}
    return {
        "format": "dl-assets 1",
        "pipeline": config.name,
        "task": card["task"],
        **({"classes": _json(card["classes"])} if "classes" in card else {}),
        "opset": str(OPSET),
        "data_version": str(card.get("data", "unknown")),
        "code_version": str(card.get("code", "unknown")),
        "git_revision": card.get("git") or "unknown",
        "metrics": _json(measured),
        "calibration": _json(calibration),
    }


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
