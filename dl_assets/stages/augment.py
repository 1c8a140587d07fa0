"""Stage 4: fix the augmentation policy of the train part, show what it does to a few samples, and store copies if asked."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from dl_assets import progress, registry
from dl_assets.artifacts.report import Report, write_json
from dl_assets.artifacts.shards import Array, Arrays, ArrayWriter, open_arrays
from dl_assets.artifacts.tables import COPIES, empty, read_parted, write_table
from dl_assets.config import Pipeline
from dl_assets.errors import ConfigError, DataError

_SEED = 17  # of the preview and of the copies; training seeds the policy for itself
_SHOWN_SAMPLES = 6
_BATCH, _BATCH_BYTES = 64, 1024**2  # whichever is more: small arrays are changed many at a time


def augment(config: Pipeline, *, clean: Path, parts: Path, out: Path) -> Report:
    """Write policy.json and preview.png (train samples beside what becomes of them); with `copies` also copies.parquet."""
    train = read_parted(clean, parts).filter(part="train")
    if train.is_empty():
        raise DataError("the train part holds no sample. Add samples to the source, or give split.train a larger share.")
    policy, num_copies = write_policy(config, train, clean=clean, out=out), config.augment.copies
    shown, inputs = choose_shown(train), registry.module("inputs", config.task.inputs)
    rows = _variants(policy, shown, open_arrays(clean, shown), inputs.PREVIEWED)
    inputs.preview(rows, shown["target"].to_list(), clean).savefig(out / "preview.png", metadata={"Software": None})
    changed = [not np.array_equal(variant, row[0], equal_nan=True) for row in rows for variant in row[1:]]
    return Report(
        counts={"train": len(train), "previewed": len(shown), "copies": num_copies * len(train)},
        numbers={"transforms": len(policy), "changed_share": float(np.mean(changed))},
    )


def write_policy(config: Pipeline, train: pl.DataFrame, *, clean: Path, out: Path) -> Any:
    """Write policy.json and, with `copies`, the copies of these samples; return the policy."""
    wanted = config.augment
    arrays = open_arrays(clean, train)
    policy = _compose(config, arrays, clean)
    mixed = {"mixup": wanted.mixup, "cutmix": wanted.cutmix, "mix_share": wanted.mix_share}
    write_json(
        out / "policy.json", {"policy": policy.serialise(), **mixed, "copies": wanted.copies, "test_time": wanted.test_time}
    )
    if wanted.copies:
        write_table(COPIES, out, store_copies(policy, train, arrays, wanted.copies, out))
    return policy


def choose_shown(train: pl.DataFrame) -> pl.DataFrame:
    """Return a few samples: the first of every class, then the second of every class, and so on."""
    turn = pl.int_range(pl.len()).over("target")
    return train.sort("id").with_columns(turn=turn).sort("turn", "target").head(_SHOWN_SAMPLES).drop("turn")


def store_copies(policy: Any, train: pl.DataFrame, arrays: Arrays, num_copies: int, out: Path) -> pl.DataFrame:
    """Write `num_copies` variants of every sample, one batch in memory at a time; return the rows of copies.parquet."""
    tables = [empty(COPIES)]
    with ArrayWriter(out) as writer:
        for number, samples, batch in _changed(policy, train, arrays, num_copies):
            shards, rows = writer.write_all(batch)
            copied = samples.select(pl.col("id") + f"+{number}", of="id", target="target")
            tables.append(copied.with_columns(shard=shards, row=rows))
    return pl.concat(tables)


def _changed(policy: Any, train: pl.DataFrame, arrays: Arrays, num_variants: int) -> Iterator[tuple[int, pl.DataFrame, Array]]:
    """Yield (number of the variant from 1, some of the samples, what becomes of them)."""
    numbers, size = policy.numbers(train["id"]), max(_BATCH, _BATCH_BYTES // max(1, arrays[0].nbytes))
    batches = [(variant, start) for variant in range(1, num_variants + 1) for start in range(0, len(train), size)]
    for variant, start in progress.track(batches, len(batches)):
        indices = np.arange(start, min(start + size, len(train)))
        keys = policy.keys(numbers[indices], seed=_SEED, epoch=variant)
        yield variant, train[start : start + size], policy.batch(arrays.each(indices), keys)


def _compose(config: Pipeline, arrays: Arrays, clean: Path) -> Any:
    transforms = registry.module("transforms", config.task.inputs)
    try:
        return transforms.compose(config.augment.transforms, arrays.shape, arrays, clean)
    except transforms.PolicyError as error:
        name = config.augment.transforms[error.index].name
        raise ConfigError(f"{config.path}: augment: {name} {error}") from error


def _variants(policy: Any, shown: pl.DataFrame, arrays: Arrays, num_variants: int) -> list[list[Array]]:
    """Return for each sample its array and then what the policy makes of it."""
    rows = [[np.array(arrays[index])] for index in range(len(shown))]
    numbers = policy.numbers(shown["id"])
    for variant in range(1, num_variants + 1):
        keys = policy.keys(numbers, seed=_SEED, epoch=variant)
        for row, array in zip(rows, policy.batch(arrays.each(np.arange(len(shown))), keys), strict=True):
            row.append(array)
    return rows
