"""What two trials must have in common to be compared; when some of it changes, a new study begins."""

import json
from dataclasses import asdict
from hashlib import blake2b
from pathlib import Path
from typing import Any

import polars as pl

from dl_assets.config import Pipeline
from dl_assets.problems import plain
from dl_assets.registry import PACKAGE
from dl_assets.search_space import without

_CODE = ("training", "inference", "losses", "optimizers", "schedulers", "models", "inputs", "targets", "transforms")


def parts_of_key(pipeline: Pipeline, samples: pl.DataFrame) -> dict[str, str]:
    """Return name -> hash of everything that a value of the metric depends on, beside the values that are searched.

    The sampler, its seed, the pruner and the number of trials may change within a study; but a grid knows what it has tried.
    """
    search = pipeline.tune
    document = plain(pipeline.document)
    rest = without(document, [dimension.name for dimension in search.dimensions])
    space = sorted((asdict(dimension) for dimension in search.dimensions), key=lambda item: str(item["name"]))
    return {
        "the data": _hash(samples.filter(pl.col("part") != "test").select("id", "digest", "target", "part").sort("id").rows()),
        "the search space": _hash([space, search.options.sampler == "grid"]),
        "the metric": _hash(search.options.metric),
        "the rest of the pipeline file": _hash([document.get("task"), document.get("clean"), rest]),
        **_schema(pipeline),
        "the code of the training": _code(PACKAGE),
    }


def _schema(pipeline: Pipeline) -> dict[str, str]:
    """What the columns of a table are read as; a digest of a sample does not say."""
    file = getattr(pipeline.clean, "schema", None) if pipeline.task.inputs == "table" else None
    return {"the schema of the table": _hash(Path(file).read_text())} if file else {}


def key_of(parts: dict[str, str]) -> str:
    return _hash(parts)


def _code(package: Path) -> str:
    files = [path for folder in _CODE for path in sorted((package / folder).rglob("*.py"))]
    return _hash([[str(path.relative_to(package)), blake2b(path.read_bytes(), digest_size=16).hexdigest()] for path in files])


def _hash(value: Any) -> str:
    return blake2b(json.dumps(value, sort_keys=True, default=str).encode(), digest_size=5).hexdigest()
