"""What a stage remembers of its last run, so that the next one only does what is new.

The memo is tables that speak of the shards in the last artifact; new artifacts take those over as hard links. It holds for
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

_KEY = "key.json"
# Above this share of entries that no sample needs any more, everything is written anew.
MAX_UNUSED_SHARE = 0.2
MAX_SHARDS = 100


@dataclass(frozen=True)
class Recalled:
    """The tables of the last run, by name, and the artifact that they speak of."""

    tables: dict[str, pl.DataFrame]
    artifact: Path

    def bring(self, out: Path) -> int:
        """Put the shards of the artifact into `out`; return the number of the first free shard."""
        shards = _shards(self.artifact)
        for path in shards:
            _link(path, out / path.name)
        return max((int(path.stem.rpartition("-")[2]) for path in shards), default=-1) + 1


@dataclass(frozen=True)
class Memo:
    """`artifacts` are folders that may hold the last artifact; `old` is the memo of the last run, `new` that of this one."""

    artifacts: tuple[Path, ...]
    old: Path
    new: Path

    def recall(self, key: dict[str, Any]) -> Recalled | None:
        """Return what the last run kept, or None where there is nothing, or its key or its artifact is another."""
        try:
            known = read_json(self.old / _KEY)
            artifact = next((folder for folder in self.artifacts if _version(folder) == known["artifact"]), None)
            if known["key"] != key or artifact is None:
                return None
            return Recalled({name: pl.read_parquet(self._table(self.old, name)) for name in known["tables"]}, artifact)
        except (ArtifactError, KeyError, OSError, pl.exceptions.PolarsError):  # KeyError: another version wrote it
            return None

    def keep(self, key: dict[str, Any], out: Path, **tables: pl.DataFrame) -> None:
        """Remember the tables for the artifact in `out`, which must be complete."""
        self.new.mkdir()
        for name, table in tables.items():
            write_parquet(self._table(self.new, name), table, "uncompressed")
        write_json(self.new / _KEY, {"key": key, "artifact": _version(out), "tables": list(tables)})

    @staticmethod
    def _table(folder: Path, name: str) -> Path:
        return folder / f"{name}.parquet"


def take_back(out: Path) -> None:
    """Remove the shards that were brought and those that the stage wrote, to do everything anew."""
    for path in _shards(out):
        path.unlink()


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
