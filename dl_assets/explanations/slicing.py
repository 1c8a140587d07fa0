"""Which samples of a part belong together: those of one class, of one camera, of a quarter of the sizes, and so on."""

from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from dl_assets import registry
from dl_assets.artifacts.tables import CLEAN_SAMPLES, PARTS_TABLE
from dl_assets.config import Pipeline
from dl_assets.explanations._image import slices as of_pictures
from dl_assets.explanations._slices.metadata import by_column, by_strata
from dl_assets.explanations._slices.slice import Slice as Slice
from dl_assets.explanations._table import slices as of_tables

_BY_CONTENT: dict[str, Callable[[pl.DataFrame, Path], Iterator[Slice]]] = {
    "image": of_pictures.slices,
    "table": of_tables.slices,
}
_GIVEN = {"group", "time"}  # by a source; every other column of its own counts as well


def memberships(config: Pipeline, *, samples: pl.DataFrame, clean: Path) -> list[Slice]:
    """Return the slices of the samples of one part (rows of clean's table): by class, by what the source gave, by content.

    Numbers are cut at their quartiles, words are the commonest, and what is missing is a slice of its own. Where two
    properties cut out the same samples, such as a class and its folder, only the first is told.
    """
    if samples.is_empty():
        return []
    found: dict[bytes, Slice] = {}
    for one in _all(config, samples, clean):
        found.setdefault(one.members.tobytes(), one)
    return list(found.values())


def _all(config: Pipeline, samples: pl.DataFrame, clean: Path) -> Iterator[Slice]:
    yield from by_strata(registry.module("targets", config.task.targets).strata(samples["target"]))
    for name in _metadata(samples, config.task.inputs):
        yield from by_column(samples[name])
    yield from _BY_CONTENT.get(config.task.inputs, _nothing)(samples, clean)


def _metadata(samples: pl.DataFrame, inputs: str) -> list[str]:
    """Return the columns that the source gave, but for what every source gives."""
    ours = {
        *CLEAN_SAMPLES.schema.columns,
        *PARTS_TABLE.schema.columns,
        *getattr(registry.module("inputs", inputs), "MEASURED", ()),
    }
    return [name for name in samples.columns if name in _GIVEN or name not in ours]


def _nothing(samples: pl.DataFrame, clean: Path) -> Iterator[Slice]:
    yield from ()
