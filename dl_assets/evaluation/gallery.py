"""Samples that the report shows, as pictures where their kind of input can be drawn."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import polars as pl

from dl_assets import registry
from dl_assets.artifacts.shards import Arrays, open_arrays
from dl_assets.config import Pipeline
from dl_assets.pages import style

MAX_BYTES = 3 * 1024**2  # of all pictures of a report together
_DPI = 110


@dataclass(frozen=True)
class Gallery:
    """Some mistakes that belong together; `only_pictures` says that without them there is nothing to see."""

    title: str
    note: str
    mistakes: pl.DataFrame
    only_pictures: bool = False


def draw(config: Pipeline, frames: Iterable[pl.DataFrame], samples: pl.DataFrame, clean: Path) -> dict[str, bytes]:
    """Return id -> PNG of the samples of all frames, in their order; none where this kind of input cannot be drawn."""
    inputs = registry.module("inputs", config.task.inputs)
    if not hasattr(inputs, "sheet"):
        return {}
    ids = pl.DataFrame({"id": list(dict.fromkeys(id_ for frame in frames for id_ in frame["id"]))}, schema={"id": pl.String})
    shown = ids.join(samples, on="id", maintain_order="left")
    return pictures(inputs, open_arrays(clean, shown), shown["id"].to_list())


def pictures(inputs: ModuleType, arrays: Arrays, ids: list[str]) -> dict[str, bytes]:
    """Return id -> PNG of these samples, as far as the size limit goes; `inputs` has a `sheet`."""
    found: dict[str, bytes] = {}
    for index, sample in enumerate(ids):
        found[sample] = style.png(inputs.sheet([arrays[index]], [""], columns=1), _DPI)
        if sum(map(len, found.values())) > MAX_BYTES:
            del found[sample]
            break
    return found
