"""Stage 4: fix the augmentation policy of the train part, show what it does to a few samples, and store copies if asked."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dl_assets import progress, registry
from dl_assets.artifacts.report import Report, write_json
from dl_assets.artifacts.shards import Arrays, ArrayWriter, open_arrays
from dl_assets.artifacts.tables import COPIES, Rows, read_parted, write_table
from dl_assets.config import Pipeline
from dl_assets.errors import ConfigError, DataError

_SEED = 17  # of the preview and of the copies; training seeds the policy for itself
_SHOWN_SAMPLES = 6
_SHOWN_VARIANTS = 7
_BATCH = 64


def augment(config: Pipeline, *, clean: Path, parts: Path, out: Path) -> Report:
    """Write policy.json and preview.png (train samples beside what becomes of them); with `copies` also copies.parquet."""
    train = read_parted(clean, parts).filter(part="train")
    if train.is_empty():
        raise DataError("the train part holds no sample. Add samples to the source, or give split.train a larger share.")
    policy, num_copies = write_policy(config, train, clean=clean, out=out), config.augment.copies
    shown = choose_shown(train)
    rows = _variants(policy, shown, open_arrays(clean, shown))
    _sheet(config, shown, rows).savefig(out / "preview.png", metadata={"Software": None})
    changed = [not np.array_equal(variant, row[0]) for row in rows for variant in row[1:]]
    return Report(
        counts={"train": len(train), "previewed": len(shown), "copies": num_copies * len(train)},
        numbers={"transforms": len(policy), "changed_share": float(np.mean(changed))},
    )


def write_policy(config: Pipeline, train: pl.DataFrame, *, clean: Path, out: Path) -> Any:
    """Write policy.json and, with `copies`, the copies of these samples; return the policy."""
    wanted = config.augment
    arrays = open_arrays(clean, train)
    policy = _compose(config, arrays.shape)
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
    rows = Rows({"id": pl.String, "of": pl.String, "target": pl.String, "shard": pl.Int64, "row": pl.Int64})
    ids, targets = train["id"].to_list(), train["target"].to_list()
    with ArrayWriter(out) as writer:
        changed = _changed(policy, train, arrays, num_copies)
        for number, index, array in progress.track(changed, num_copies * len(train)):
            rows.add((f"{ids[index]}+{number}", ids[index], targets[index], *writer.write(array)))
    return rows.table()


def _changed(
    policy: Any, train: pl.DataFrame, arrays: Arrays, num_variants: int
) -> Iterator[tuple[int, int, NDArray[np.uint8]]]:
    """Yield (number of the variant from 1, index of the sample, changed array)."""
    numbers = policy.numbers(train["id"])
    for variant in range(1, num_variants + 1):
        keys = policy.keys(numbers, seed=_SEED, epoch=variant)
        for start in range(0, len(train), _BATCH):
            indices = np.arange(start, min(start + _BATCH, len(train)))
            batch = policy.batch(arrays.each(indices), keys[indices])
            yield from ((variant, index, array) for index, array in zip(indices.tolist(), batch, strict=True))


def _compose(config: Pipeline, shape: tuple[int, ...]) -> Any:
    transforms = registry.module("transforms", config.task.inputs)
    try:
        return transforms.compose(config.augment.transforms, shape)
    except transforms.PolicyError as error:
        name = config.augment.transforms[error.index].name
        raise ConfigError(f"{config.path}: augment: {name} {error}") from error


def _variants(policy: Any, shown: pl.DataFrame, arrays: Arrays) -> list[list[NDArray[np.uint8]]]:
    """Return for each sample its array and then what the policy makes of it."""
    rows = [[np.array(arrays[index])] for index in range(len(shown))]
    for _, index, array in _changed(policy, shown, arrays, _SHOWN_VARIANTS):
        rows[index].append(array)
    return rows


def _sheet(config: Pipeline, shown: pl.DataFrame, rows: list[list[NDArray[np.uint8]]]) -> Any:
    variants = [f"variant {number}" for number in range(1, _SHOWN_VARIANTS + 1)]
    titles = [title for target in shown["target"] for title in (f"{target} (original)", *variants)]
    arrays = [array for row in rows for array in row]
    return registry.module("inputs", config.task.inputs).sheet(arrays, titles, columns=1 + _SHOWN_VARIANTS)
