"""What a stage remembers of its last run, so that the next one only does what is new.

The memo is a table and the shards that it speaks of, as hard links: it takes no room of its own, it stays right whatever
becomes of the artifact, and it can be deleted at any time. It belongs to this machine and is never versioned.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from dl_assets.artifacts.report import read_json, write_json
from dl_assets.errors import ArtifactError

_TABLE, _KEY = "memo.parquet", "key.json"
# Above this share of entries that no sample needs any more, everything is written anew.
MAX_UNUSED_SHARE = 0.2
MAX_SHARDS = 100


@dataclass(frozen=True)
class Memo:
    """`old` is what the last run left (perhaps nothing), `new` is where this run leaves its own; the runner swaps them."""

    old: Path
    new: Path

    def recall(self, key: dict[str, Any]) -> pl.DataFrame | None:
        """Return the table of the last run, or None where there is none or it was made by another key."""
        try:
            if read_json(self.old / _KEY) != key:
                return None
            return pl.read_parquet(self.old / _TABLE)
        except (ArtifactError, OSError, pl.exceptions.PolarsError):
            return None

    def bring(self, out: Path) -> int:
        """Put the remembered shards into `out` without copying them; return the number of the first free shard."""
        shards = self._shards(self.old)
        for path in shards:
            os.link(path, out / path.name)
        return max((int(path.stem.rpartition("-")[2]) for path in shards), default=-1) + 1

    def take_back(self, out: Path) -> None:
        """Remove what `bring` and the stage wrote, to do everything anew."""
        for path in self._shards(out):
            path.unlink()

    def keep(self, key: dict[str, Any], table: pl.DataFrame, out: Path) -> None:
        """Remember the table and the shards in `out`. Where the file system has no hard links, nothing is remembered."""
        self.new.mkdir()
        try:
            for path in self._shards(out):
                os.link(path, self.new / path.name)
        except OSError as error:
            print(f"no hard links here ({error.strerror}): the next run will do everything again", flush=True)
            return
        table.write_parquet(self.new / _TABLE)
        write_json(self.new / _KEY, key)

    @staticmethod
    def _shards(folder: Path) -> list[Path]:
        return sorted(path for path in folder.glob("*-*.*") if path.suffix in (".bin", ".npy"))


def is_worn(num_used: int, remembered: pl.DataFrame) -> bool:
    """Tell whether so much of the shards is unused, or there are so many of them, that they should be written anew."""
    many = remembered["shard"].drop_nulls().n_unique() > MAX_SHARDS
    return many or num_used < (1 - MAX_UNUSED_SHARE) * len(remembered)
