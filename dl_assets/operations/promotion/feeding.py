"""What a model is given of the test samples: what clean stored, or pictures decoded anew by the options that it learnt with."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dl_assets import registry
from dl_assets.artifacts.packs import read_payloads
from dl_assets.artifacts.rejection import Rejection
from dl_assets.artifacts.report import read_json
from dl_assets.artifacts.rows import COLUMNS, read_values
from dl_assets.artifacts.shards import open_arrays
from dl_assets.artifacts.tables import RAW_SAMPLES, read_table
from dl_assets.config import Pipeline
from dl_assets.errors import PipelineError
from dl_assets.operations.predict import Exported

Feed = Callable[[NDArray[np.int64]], dict[str, NDArray[Any]]]  # indices of samples -> inputs by name

STORED, ANEW, BY_NAME = "the arrays that clean stored", "decoded anew from raw/ by its own clean options", "columns by name"


class NotComparable(PipelineError):
    """The model cannot be asked about the test samples of today."""


def way_of(asked: dict[str, Any], config: Pipeline, folder: Path, samples: pl.DataFrame) -> str:
    """Say how a model with this input is given the samples. Raises NotComparable where it cannot be."""
    if hasattr(registry.module("inputs", config.task.inputs), "feed"):
        _require_columns(asked["fitted"], read_json(folder / "clean" / COLUMNS)["columns"])
        return BY_NAME
    now = config.clean.model_dump(mode="json")
    is_made_so = all(now.get(name) == value for name, value in asked["made_by"]["clean"].items())
    return STORED if is_made_so and _fits(asked["shape"][1:], open_arrays(folder / "clean", samples).shape) else ANEW


def feeder(way: str, model: Exported, folder: Path, samples: pl.DataFrame) -> Feed:
    """Return what gives the model the inputs of some of the samples."""
    name = model.asked["name"]
    if way == BY_NAME:
        values = read_values(folder / "clean", samples)
        return lambda batch: dict(model.inputs.feed(values[batch], model.asked["fitted"]))
    if way == STORED:
        arrays = open_arrays(folder / "clean", samples)
        return lambda batch: {name: arrays.batch(batch)}
    raw = read_table(RAW_SAMPLES, folder / "raw")
    found = samples.select("id").join(raw, on="id", how="inner", maintain_order="left")
    if len(found) < len(samples):
        raise NotComparable(f"{len(samples) - len(found)} test samples are not in {folder / 'raw'} any more")
    return lambda batch: {name: _decoded(found[batch], folder / "raw", model.inputs, model.decoding)}


def _require_columns(fitted: dict[str, Any], columns: list[dict[str, Any]]) -> None:
    now = {column["name"]: column["kind"] for column in columns}
    gone = [name for name in fitted["names"] if name not in now]
    if gone:
        raise NotComparable(f"it asks for the column '{gone[0]}', which the table does not have any more")
    for name, kind in zip(fitted["names"], fitted["kinds"], strict=True):
        if now[name] != kind:
            raise NotComparable(f"it takes the column '{name}' for a {kind}, which is a {now[name]} now")


def _fits(asked: list[int | str], stored: tuple[int, ...]) -> bool:
    """A size that the model names rather than numbers may be any.

    >>> _fits(["height", "width", 3], (64, 64, 3)), _fits([8, 8, 1], (64, 64, 1))
    (True, False)
    """
    return len(asked) == len(stored) and all(
        isinstance(size, str) or size == found for size, found in zip(asked, stored, strict=True)
    )


def _decoded(samples: pl.DataFrame, raw: Path, inputs: ModuleType, options: dict[str, Any]) -> NDArray[Any]:
    arrays = []
    for origin, payload in zip(samples["origin"], read_payloads(raw, samples), strict=True):
        try:
            arrays.append(_decode(payload, inputs, options))
        except Rejection as rejection:
            raise NotComparable(f"with its clean options the test sample {origin} cannot be decoded ({rejection})") from None
    return np.stack(arrays)


def _decode(payload: bytes | Rejection, inputs: ModuleType, options: dict[str, Any]) -> NDArray[Any]:
    if isinstance(payload, Rejection):
        raise payload
    array: NDArray[Any] = inputs.clean(payload, **options)[0]
    return array
