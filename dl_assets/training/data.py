"""What a training learns from and is judged by: the parts, encoded, augmented and in batches."""

import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from dl_assets import registry
from dl_assets.artifacts.rows import COLUMNS
from dl_assets.artifacts.shards import Arrays, open_arrays
from dl_assets.config import Pipeline
from dl_assets.errors import DataError
from dl_assets.inference.network import CROP, VIEW
from dl_assets.training.augmented import POLICY, Augmented, read_augmented
from dl_assets.training.batches import Batches, DrawnIndices, ShuffledIndices
from dl_assets.training.mixing import Mixing


@dataclass(frozen=True)
class Data:
    """`parts` are the rows of train and val, `fitted` what preprocessing.json holds, `version` names all of it."""

    parts: dict[str, pl.DataFrame]
    fitted: dict[str, Any]
    train: Batches
    val: Batches
    indices: ShuffledIndices
    mixing: Mixing
    version: str


def open_data(config: Pipeline, samples: pl.DataFrame, clean: Path, augmented: Path, rank: int = 0) -> Data:
    """Open the train and val part; `rank` says which share of every train batch this process has."""
    options = config.train
    parts = {part: samples.filter(pl.col("part") == part) for part in ("train", "val")}
    _require_samples(parts)
    augmentation = read_augmented(augmented, registry.module("transforms", config.task.inputs), options.seed)
    arrays = {part: open_arrays(clean, rows) for part, rows in parts.items()}
    fitted = _fit_preprocessing(config, parts["train"], arrays["train"], augmentation, clean)
    targets = registry.module("targets", config.task.targets)
    encode = partial(targets.encode, fitted=fitted["targets"])
    train = augmentation.batches(parts["train"], arrays["train"], encode)
    share = {"rank": rank, "devices": options.devices}
    if options.sampling == "balanced":
        weights = targets.sample_weights(augmentation.targets(parts["train"]), fitted["targets"])
        indices: ShuffledIndices = DrawnIndices(weights, options.batch_size, options.seed, **share)
    else:
        indices = ShuffledIndices(train.num_samples, options.batch_size, options.seed, **share)
    val = Batches(arrays["val"], encode(parts["val"]["target"]))
    return Data(parts, fitted, train, val, indices, augmentation.mixing, _version(samples, clean, augmented))


def _fit_preprocessing(
    config: Pipeline, train: pl.DataFrame, arrays: Arrays, augmentation: Augmented, clean: Path
) -> dict[str, Any]:
    """Fit on the train part only: what is known of val or test may not reach the model."""
    shown = augmentation.policy.shape
    crop = {} if shown == arrays.shape else {CROP: list(shown[:2])}
    view = {VIEW: augmentation.test_time} if augmentation.test_time else {}
    return {
        "inputs": registry.module("inputs", config.task.inputs).fit(arrays, clean, **config.encoding["inputs"]) | crop | view,
        "targets": registry.module("targets", config.task.targets).fit(train["target"], **config.encoding["targets"]),
    }


def _require_samples(parts: dict[str, pl.DataFrame]) -> None:
    for part, needed in (("train", 2), ("val", 1)):
        found = len(parts[part])
        if found < needed:
            raise DataError(
                f"the {part} part holds {found} sample{'s' if found != 1 else ''}, but training needs {needed} or "
                f"more. Add samples to the source, or give split.{part} a larger share."
            )


def _version(samples: pl.DataFrame, clean: Path, augmented: Path) -> str:
    """Return a hash of which content is in which part and how it is augmented; equal for equal data in any order."""
    rows = samples.select("id", "target", "digest", "part").sort("id")
    files = [path for path in (augmented / POLICY, clean / COLUMNS) if path.is_file()]
    return hashlib.sha256(b"".join([rows.write_csv().encode(), *(path.read_bytes() for path in files)])).hexdigest()
