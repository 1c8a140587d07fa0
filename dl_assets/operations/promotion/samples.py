"""The frozen test set: the samples of the test part, and a hash that changes when one of them does."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from dl_assets.artifacts.rows import COLUMNS, read_values
from dl_assets.artifacts.tables import read_parted
from dl_assets.config import Pipeline
from dl_assets.errors import ArtifactError, ConfigError


@dataclass(frozen=True)
class TestSet:
    """The samples of the test part in their order; `hash` is of their ids, contents and targets in the order of the ids.

    The digest of a row of a table is of its text, so what its schema makes of that, the values, is hashed as well.
    """

    samples: pl.DataFrame
    hash: str


def read_test_set(config: Pipeline, folder: Path) -> TestSet:
    """Read the test part as it is now. Raises ConfigError where there is none."""
    for artifact in ("clean", "parts"):
        if not (folder / artifact).is_dir():
            raise ConfigError(
                f"{folder / artifact} does not exist, so there is no test part to compare on. Run: dl run {config.name}"
            )
    samples = read_parted(folder / "clean", folder / "parts").filter(part="test")
    if samples.is_empty():
        raise ArtifactError(
            f"{config.path}: the test part is empty. Add samples to the source, or raise `split: {{test: ...}}`."
        )
    is_table = (folder / "clean" / COLUMNS).is_file()
    return TestSet(samples, hash_of(samples, read_values(folder / "clean", samples) if is_table else None))


def hash_of(samples: pl.DataFrame, values: pl.DataFrame | None = None) -> str:
    """Return the SHA-256 of id, digest and target of each sample, and of its values, whatever order they are in.

    >>> frame = pl.DataFrame({"id": ["b", "a"], "digest": ["2", "1"], "target": ["x", "y"]})
    >>> hash_of(frame) == hash_of(frame.reverse()), hash_of(frame) == hash_of(frame.head(1))
    (True, False)
    """
    frames = [samples.select("id", "digest", "target"), *([] if values is None else [values])]
    return hashlib.sha256("".join(frame.sort("id").write_ndjson() for frame in frames).encode()).hexdigest()
