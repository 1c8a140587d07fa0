"""Stage 4: fix the augmentation policy of the train part, and show what it does to a few samples."""

from pathlib import Path

import numpy as np
import polars as pl

from dl_assets import registry
from dl_assets.artifacts.report import Report, write_json
from dl_assets.artifacts.shards import ArrayReader
from dl_assets.artifacts.tables import CLEAN_SAMPLES, PARTS_TABLE, read_table
from dl_assets.config import Pipeline
from dl_assets.errors import ConfigError

# The preview only; training seeds the policy for itself.
_PREVIEW_SEED = 17
_PREVIEW_SAMPLES = 6
_PREVIEW_VARIANTS = 7


def augment(config: Pipeline, *, clean: Path, parts: Path, out: Path) -> Report:
    """Write the policy as JSON, and a sheet of train samples beside what the policy makes of them."""
    samples = read_table(CLEAN_SAMPLES, clean).join(read_table(PARTS_TABLE, parts), on="id", validate="1:1")
    train = samples.filter(pl.col("part") == "train")
    shown = choose_shown(train)
    reader = ArrayReader(clean, shown)
    height, width = reader.shape[:2]
    try:
        policy = registry.module("transforms", config.task.inputs).compose(config.augment, (height, width), _PREVIEW_SEED)
    except ConfigError as error:
        raise ConfigError(f"{config.path}: {error}") from error
    write_json(out / "policy.json", policy.serialise())

    rows = [[reader[index], *(policy(reader[index]) for _ in range(_PREVIEW_VARIANTS))] for index in range(len(reader))]
    variants = [f"variant {number}" for number in range(1, _PREVIEW_VARIANTS + 1)]
    titles = [title for target in shown["target"] for title in (f"{target} (original)", *variants)]
    arrays = [array for row in rows for array in row]
    figure = registry.module("inputs", config.task.inputs).sheet(arrays, titles, columns=1 + _PREVIEW_VARIANTS)
    figure.savefig(out / "preview.png", metadata={"Software": None})
    changed = np.mean([not np.array_equal(variant, row[0]) for row in rows for variant in row[1:]])
    return Report(
        counts={"train": len(train), "previewed": len(shown)},
        numbers={"transforms": len(policy), "changed_share": float(changed)},
    )


def choose_shown(train: pl.DataFrame) -> pl.DataFrame:
    """Return a few samples: the first of every class, then the second of every class, and so on."""
    turn = pl.int_range(pl.len()).over("target")
    return train.sort("id").with_columns(turn=turn).sort("turn", "target").head(_PREVIEW_SAMPLES).drop("turn")
