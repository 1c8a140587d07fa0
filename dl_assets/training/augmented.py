"""What `augmented/` holds, as training needs it: the train part with its policy or its copies, and how batches are mixed."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl
from numpy.typing import NDArray

from dl_assets.artifacts.report import read_json
from dl_assets.artifacts.shards import Arrays, open_arrays
from dl_assets.artifacts.tables import COPIES, read_table
from dl_assets.errors import ArtifactError
from dl_assets.training.batches import Batches, Joined
from dl_assets.training.mixing import Mixing

POLICY = "policy.json"

Encode = Callable[[pl.Series], NDArray[Any]]


@dataclass(frozen=True)
class Augmented:
    """`copies` are stored variants of train samples: where there are some, nothing is made anew in each epoch."""

    policy: Any
    mixing: Mixing
    test_time: str | None
    copies: pl.DataFrame | None
    folder: Path
    seed: int

    def batches(self, train: pl.DataFrame, arrays: Arrays, encode: Encode) -> Batches:
        """Return the samples of the train part as they are to be learnt from; `arrays` are theirs."""
        if self.policy.stored != arrays.shape:
            raise ArtifactError(
                f"{self.folder / POLICY} is for samples of the shape {self.policy.stored}, but clean/ holds {arrays.shape}. "
                "Run the augment stage again."
            )
        if self.copies is None and not len(self.policy):
            return Batches(arrays, encode(train["target"]))
        if self.copies is None:
            return Batches(arrays, encode(train["target"]), self.policy, self.policy.numbers(train["id"]), self.seed)
        joined = Joined([arrays, open_arrays(self.folder, self._copies_of(train))])
        return Batches(joined, encode(self.targets(train)))

    def targets(self, train: pl.DataFrame) -> pl.Series:
        """Return the targets of what `batches` returns."""
        return train["target"] if self.copies is None else pl.concat([train["target"], self._copies_of(train)["target"]])

    def _copies_of(self, train: pl.DataFrame) -> pl.DataFrame:
        assert self.copies is not None
        return self.copies.join(train.select(of="id"), on="of", how="semi", maintain_order="left")


def read_augmented(folder: Path, transforms: ModuleType, seed: int) -> Augmented:
    """Read what the augment stage wrote. Raises ArtifactError where it is missing, broken or of another version."""
    stored = read_json(folder / POLICY)
    try:
        policy = transforms.load(stored["policy"])
        mixing = Mixing(stored["mixup"], stored["cutmix"], stored["mix_share"], seed)
        test_time = stored["test_time"]
        copies = read_table(COPIES, folder) if stored["copies"] else None
    except (KeyError, TypeError) as error:
        raise ArtifactError(
            f"{folder / POLICY} is of another version ({type(error).__name__}: {error}). Run the augment stage again."
        ) from error
    return Augmented(policy, mixing, test_time, copies, folder, seed)
