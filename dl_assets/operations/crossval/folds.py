"""Which samples a fold of a cross-validation measures, chooses the epoch by and learns from; none is of the test part."""

from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dl_assets import registry
from dl_assets.artifacts.tables import read_parted
from dl_assets.config import Pipeline
from dl_assets.errors import ConfigError, DataError
from dl_assets.splitting.cut import FREE
from dl_assets.splitting.folds import balanced, draw_folds
from dl_assets.splitting.units import Units, find_units

MIN_FOLDS = 3


def require_folds(num_folds: int, name: str) -> None:
    """Raise ConfigError where there are too few folds, whatever the data."""
    if num_folds < MIN_FOLDS:
        raise ConfigError(
            f"cross-validation with {num_folds} folds is not possible: one fold measures, one chooses the epoch (val), and the "
            f"others train, so there must be {MIN_FOLDS} at least. Run: dl crossval {name} --folds {MIN_FOLDS}"
        )


def choose_folds(config: Pipeline, num_folds: int, *, clean: Path, parts: Path) -> pl.DataFrame:
    """Return the samples of train and val with their `part` and `fold`, numbered from 0.

    `split.folds` folds are those of parts/; another number of them is drawn from the same samples in the same way.
    Raises ConfigError or DataError where a fold could not be trained.
    """
    require_folds(num_folds, config.name)
    samples = read_parted(clean, parts)
    targets = registry.module("targets", config.task.targets)
    units, alike = find_units(samples), balanced(targets.strata(samples["target"]), stratify=config.split.stratify)
    in_test = (samples["part"] == "test").to_numpy()
    _require_enough(units, alike if targets.EVERY_STRATUM else balanced(alike, stratify=False), in_test, num_folds)
    if num_folds != config.split.folds:
        new = np.full(len(units), FREE)
        folds = draw_folds(units, alike, new, in_test, num_folds=num_folds, seed=config.split.seed)
        samples = samples.with_columns(fold=pl.Series(folds))
    used = samples.filter(~in_test)
    _require_trainable(config, used, num_folds, targets)
    return used


def with_roles(samples: pl.DataFrame, fold: int, num_folds: int) -> pl.DataFrame:
    """Return the samples where `fold` itself is the test part, the one after it is val, and all others are train."""
    return samples.with_columns(
        part=pl.when(fold=fold)
        .then(pl.lit("test"))
        .when(fold=(fold + 1) % num_folds)
        .then(pl.lit("val"))
        .otherwise(pl.lit("train"))
    )


def _require_enough(units: Units, alike: pl.Series, in_test: NDArray[np.bool_], num_folds: int) -> None:
    """The smallest class, in units that may not be divided, must reach every fold."""
    table = pl.DataFrame({"unit": units.of_sample, "stratum": alike}).filter(~in_test).explode("stratum")
    strata = table.group_by("stratum").agg(pl.col("unit").n_unique(), pl.len()).sort("unit", "stratum")
    for stratum, num_units, num_samples in strata.filter(pl.col("unit") < num_folds).head(1).iter_rows():
        who, of = (f"class '{stratum}' has", f" of '{stratum}'") if stratum else ("there are", "")
        found = f"{num_samples} sample{'s' if num_samples > 1 else ''} in train and val"
        if num_samples > num_units:
            found += f" that may not be divided further than into {num_units} (same pixels, near duplicates or same group)"
        remedy = f"Take {num_units} folds or fewer (--folds {num_units}), or add" if num_units >= MIN_FOLDS else "Add"
        raise ConfigError(
            f"cross-validation with {num_folds} folds is not possible: {who} {found}, and every fold needs one. "
            f"{remedy} samples{of}."
        )


def _require_trainable(config: Pipeline, samples: pl.DataFrame, num_folds: int, targets: ModuleType) -> None:
    """Tell before the first training what would stop the last one."""
    for fold in range(num_folds):
        parts = with_roles(samples, fold, num_folds)
        train = parts.filter(part="train")["target"]
        try:
            if parts["part"].n_unique() < MIN_FOLDS:
                raise DataError(
                    f"of train, val and the fold itself one is empty, since samples keep the fold that they once had. Write "
                    f"another split.seed, which divides everything anew, or another number of folds: dl crossval {config.name} "
                    f"--folds {num_folds - 1 if num_folds > MIN_FOLDS else num_folds + 1}"
                )
            targets.encode(samples["target"], targets.fit(train, **config.encoding["targets"]))
        except DataError as error:
            raise DataError(f"{config.path}: fold {fold} of {num_folds} cannot be trained: {error}") from error
