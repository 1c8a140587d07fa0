"""What a stage remembers of its last run, so that the next one only does what is new.

The memo is a table that speaks of the shards in the last artifact; new artifacts take those over as hard links. It holds for
one version of the artifact only, which it knows by `samples.parquet`: after a `dvc checkout` of another one it is ignored.
It belongs to this machine, is never versioned, and can be deleted at any time.
"""

import os
import shutil
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import polars as pl

from dl_assets.artifacts.report import read_json, write_json
from dl_assets.artifacts.tables import RAW_SAMPLES, write_parquet
from dl_assets.errors import ArtifactError

_TABLE, _KEY = "memo.parquet", "key.json"
# Above this share of entries that no sample needs any more, everything is written anew.
MAX_UNUSED_SHARE = 0.2
MAX_SHARDS = 100


@dataclass(frozen=True)
class Memo:
    """`artifacts` are folders that may hold the last artifact; `old` is the memo of the last run, `new` that of this one."""

    artifacts: tuple[Path, ...]
    old: Path
    new: Path

    def recall(self, key: dict[str, Any]) -> pl.DataFrame | None:
        """Return the table of the last run, or None where there is none, or its key or its artifact is another."""
        try:
            known = read_json(self.old / _KEY)
            if known["key"] != key or self._artifact(known["artifact"]) is None:
                return None
            return pl.read_parquet(self.old / _TABLE)
        except (ArtifactError, OSError, pl.exceptions.PolarsError):
            return None

    def bring(self, out: Path) -> int:
        """Put the shards that were recalled into `out`; return the number of the first free shard."""
        artifact = self._artifact(read_json(self.old / _KEY)["artifact"])
        assert artifact is not None, "bring comes after recall"
        shards = _shards(artifact)
        for path in shards:
            _link(path, out / path.name)
        return max((int(path.stem.rpartition("-")[2]) for path in shards), default=-1) + 1

    def take_back(self, out: Path) -> None:
        """Remove what `bring` and the stage wrote, to do everything anew."""
        for path in _shards(out):
            path.unlink()

    def keep(self, key: dict[str, Any], table: pl.DataFrame, out: Path) -> None:
        """Remember the table for the artifact in `out`, which must be complete."""
        self.new.mkdir()
        write_parquet(self.new / _TABLE, table)
        write_json(self.new / _KEY, {"key": key, "artifact": _version(out)})

    def _artifact(self, version: str) -> Path | None:
        return next((folder for folder in self.artifacts if _version(folder) == version), None)


def is_worn(num_unused: int, places: pl.DataFrame) -> bool:
    """Tell whether so much of the shards is unused, or there are so many of them, that they should be written anew."""
    return places["shard"].drop_nulls().n_unique() > MAX_SHARDS or num_unused > MAX_UNUSED_SHARE * len(places)


def _version(folder: Path) -> str | None:
    """Name what is in the folder by its table, which names every content; None where there is no table."""
    path = folder / RAW_SAMPLES.file
    return blake2b(path.read_bytes(), digest_size=16).hexdigest() if path.is_file() else None


def _shards(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*-*.*") if path.suffix in (".bin", ".npy"))


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copy2(source, target)
