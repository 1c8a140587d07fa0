"""The part of every sample: by chance, as the source gives it, or by time. A part is its index in PARTS."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from dl_assets.artifacts.tables import PARTS
from dl_assets.config import Split
from dl_assets.errors import DataError
from dl_assets.splitting.cut import FREE, Floats, cut, fill
from dl_assets.splitting.units import Units, Whole

TRAIN = PARTS.index("train")


@dataclass(frozen=True)
class Material:
    """What is to be split: N samples in U units, and what an earlier split said of them."""

    samples: pl.DataFrame  # [N]
    units: Units
    held: pl.DataFrame  # stratum, unit, size: see `cut.hold`
    earlier: Whole  # [N], part before, FREE for a new sample
    cuts: list[datetime] | None = None  # by time: where val and test began before

    @property
    def kept(self) -> Whole:
        """Return the part [U] that a unit had before. Units that a new sample joins go to the first of their parts.

        Train goes before val and val before test, so that no model is ever tested on what an earlier one learnt from.
        """
        return self.units.least(self.earlier, FREE)


def shares_of(config: Split) -> Floats:
    return np.array([config.train, config.val, config.test])


def by_chance(material: Material, config: Split) -> Whole:
    """Return the part of each sample [N]; every stratum is cut at the same shares and is in every part."""
    shares = shares_of(config)
    _require_enough_units(material.held, shares, stratify=config.stratify)
    parts = fill(material.held, material.kept, shares)
    if config.stratify:
        _require_everywhere(material.held, parts)
    return parts[material.units.of_sample]


def given_parts(samples: pl.DataFrame) -> Whole:
    """Return the part that the source gives each sample, [N]; FREE where it gives none."""
    parts = samples["part"].replace_strict({name: index for index, name in enumerate(PARTS)}, return_dtype=pl.Int64)
    return parts.fill_null(FREE).to_numpy()


def as_given(material: Material, config: Split) -> Whole:
    """Return the part of each sample [N] as the source gives it.

    A sample of which the source says nothing goes with its unit, else to train. A part that the source gives to no sample
    is cut from train, at the share that it has of both: train 0.7 and val 0.15 make val 0.15 / 0.85 of the train samples.
    Raises DataError where nothing is left to train on.
    """
    given, units = given_parts(material.samples), material.units
    if not np.isin(given, [FREE, TRAIN]).any():
        raise DataError(
            f"the source gives all {len(given)} samples to {' or '.join(PARTS[part] for part in np.unique(given))} and none to "
            "train. Give some samples the part 'train', or write split: {by: random}."
        )
    missing = np.array([index == TRAIN or not (given == index).any() for index in range(len(PARTS))])
    shares = np.where(missing, shares_of(config), 0)
    shares /= shares.sum()
    held_out = -units.least(-given, -FREE)  # [U], the last part given; a unit in two of them is a leak, which a check finds
    in_pool = held_out <= TRAIN
    pool = material.held.filter(in_pool[material.held["unit"].to_numpy()])
    if missing.sum() > 1:
        _require_enough_units(pool, shares, stratify=config.stratify)
    kept = np.where(shares[material.kept] > 0, material.kept, FREE)
    parts = np.where(in_pool, fill(pool, kept, shares), held_out)[units.of_sample]
    return np.where((given != FREE) & ~in_pool[units.of_sample], given, parts)


def by_time(material: Material, config: Split) -> tuple[Whole, list[datetime]]:
    """Return the part of each sample [N], and the times at which val and test begin.

    A unit counts as old as its latest sample. Equal times are in one part. The two times of the first split stay: samples
    that come later are mostly test, and none of them changes what was tested before.
    Raises DataError where a unit has no time, or where there are fewer than three different times.
    """
    times = _latest(material)
    cuts = material.cuts or _cuts(times, material.units.sizes, shares_of(config))
    parts = np.where(
        material.kept != FREE, material.kept, np.searchsorted(np.array(cuts, dtype="datetime64[us]"), times, side="right")
    )
    return parts[material.units.of_sample], cuts


def _latest(material: Material) -> NDArray[np.datetime64]:
    """Return the latest time of each unit, [U]."""
    unit = pl.Series("unit", material.units.of_sample)
    latest = material.samples.group_by(unit).agg(pl.col("time").max(), pl.col("origin").min()).sort("unit")
    unknown = latest.filter(pl.col("time").is_null())
    if len(unknown):
        raise DataError(
            f"split.by is time, but {len(unknown)} samples or groups of the source have no time, such as "
            f"{', '.join(unknown['origin'].sort().head(3))}. Give them one, take them out, or write split: {{by: random}}."
        )
    return latest["time"].to_numpy()


def _cuts(times: NDArray[np.datetime64], sizes: Whole, shares: Floats) -> list[datetime]:
    different, block = np.unique(times, return_inverse=True)
    if len(different) < len(PARTS):
        raise DataError(
            f"split.by is time, but the units that may not be divided (same pixels, near duplicates or same group) have only "
            f"{len(different)} different times, and train, val and test need one each. Write split: {{by: random}}."
        )
    parts = cut(np.bincount(block, weights=sizes), shares, required=np.ones(len(PARTS), dtype=bool))
    starts: list[datetime] = different[np.searchsorted(parts, [1, 2])].tolist()
    return starts


def _require_enough_units(held: pl.DataFrame, shares: Floats, *, stratify: bool) -> None:
    names = [part for part, share in zip(PARTS, shares, strict=True) if share > 0]
    needed = f"{', '.join(names[:-1])} and {names[-1]}"
    strata = held.group_by("stratum", maintain_order=True).agg(pl.len(), pl.col("size").sum())
    for stratum, num_units, num_samples in strata.filter(pl.col("len") < len(names)).head(1).iter_rows():
        bound = f" that may not be divided further than into {num_units} (same pixels, near duplicates or same group)"
        found = f"{num_samples} sample{'s' if num_samples > 1 else ''}{bound if num_samples > num_units else ''}"
        if not stratify:
            raise DataError(f"there are {found}, but {needed} need one each. Add samples.")
        raise DataError(
            f"class '{stratum}' has {found} after clean, but {needed} need one each. Add samples of '{stratum}', remove the "
            "class from the source, or write split: {stratify: false}."
        )


def _require_everywhere(held: pl.DataFrame, parts: Whole) -> None:
    """Units of several classes, and units that keep their part, can leave a part without a class."""
    found = held.with_columns(part=parts[held["unit"].to_numpy()]).group_by("stratum").agg(pl.col("part").unique())
    for stratum, present in found.sort("stratum").iter_rows():
        absent = [name for index, name in enumerate(PARTS) if index not in present]
        if absent:
            raise DataError(
                f"no sample of class '{stratum}' is in {' and '.join(absent)}, because its groups also hold samples of other "
                f"classes, or because its samples keep the part that they had. Another split.seed splits everything anew; else "
                f"add samples of '{stratum}', make smaller groups, or write split: {{stratify: false}}."
            )
