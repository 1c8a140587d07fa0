"""The frozen test set: the samples of the test part, and a hash that changes when one of them does."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from dl_assets.artifacts.tables import read_parted
from dl_assets.config import Pipeline
from dl_assets.errors import ArtifactError, ConfigError


@dataclass(frozen=True)
class TestSet:
    """The samples of the test part in their order; `hash` is of their ids, contents and targets in the order of the ids."""

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
    return TestSet(samples, hash_of(samples))


def hash_of(samples: pl.DataFrame) -> str:
    """Return the SHA-256 of id, digest and target of each sample, whatever order they are in.

    >>> frame = pl.DataFrame({"id": ["b", "a"], "digest": ["2", "1"], "target": ["x", "y"]})
    >>> hash_of(frame) == hash_of(frame.reverse()), hash_of(frame) == hash_of(frame.head(1))
    (True, False)
    """
    known = samples.select("id", "digest", "target").sort("id").write_ndjson()
    return hashlib.sha256(known.encode()).hexdigest()
