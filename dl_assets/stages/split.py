"""Stage 3: give every sample to exactly one of train, val and test."""

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
import polars as pl

from dl_assets.artifacts.report import Check, Report
from dl_assets.artifacts.tables import CLEAN_SAMPLES, PARTS, PARTS_TABLE, read_table, write_table
from dl_assets.config import Pipeline, Split
from dl_assets.errors import DataError


def split(config: Pipeline, *, clean: Path, out: Path) -> Report:
    """Write one part for every sample; equal pixels, and samples of one group, are in one part."""
    samples = read_table(CLEAN_SAMPLES, clean)
    parts = assign_parts(samples, config.split, config.path)
    write_table(PARTS_TABLE, out, samples.select("id", part=parts, fold=pl.lit(None, pl.Int64)))
    return summarise(samples.join(read_table(PARTS_TABLE, out), on="id", validate="1:1"))


def assign_parts(samples: pl.DataFrame, config: Split, path: Path) -> pl.Series:
    """Return the part of every sample; it depends on the seed and on what the samples are, not on their order.

    Every class is cut at the same shares: its units (see `name_units`) stand in the order of a hash, so that a few
    new samples move a few others at most.
    """
    _require_enough(samples, path)
    units = samples.select("target", unit=name_units(samples))
    sizes = units.group_by("unit", "target").len().sort("unit", "len", "target", descending=[False, True, False])
    sizes = sizes.group_by("unit", maintain_order=True).agg(pl.col("target").first(), pl.col("len").sum())
    strata = sizes.partition_by("target") if config.stratify else [sizes]
    parts: dict[str, str] = {}
    for stratum in sorted(strata, key=lambda stratum: str(stratum["target"][0])):
        if len(stratum) < len(PARTS):
            raise DataError(_too_few(stratum, config, path))
        parts |= _cut(dict(stratum.select("unit", "len").iter_rows()), config)
    assigned = units["unit"].replace_strict(parts, return_dtype=pl.String)
    if config.stratify:
        _require_every_class(units["target"], assigned, path)
    return assigned.alias("part")


def name_units(samples: pl.DataFrame) -> pl.Series:
    """Name for every sample the unit that must stay together: what shares a digest or a group, also by way of others."""
    parent: dict[str, str] = {}

    def root(node: str) -> str:
        while parent.setdefault(node, node) != node:
            parent[node] = node = parent[parent[node]]
        return node

    for digest, group in samples.select("digest", "group").iter_rows():
        if group is not None:
            first, second = sorted((root(f"same {digest}"), root(f"group {group}")))
            parent[second] = first  # the smallest name wins (a group's before a digest's), whatever the order
    return pl.Series("unit", [root(f"same {digest}") for digest in samples["digest"]], dtype=pl.String)


def _cut(sizes: dict[str, int], config: Split) -> dict[str, str]:
    """Cut one class's units (name -> number of samples) at the shares; each part gets one unit at least."""
    order = sorted(sizes, key=lambda unit: (_hash(config.seed, unit), unit))
    numbers = np.array([sizes[unit] for unit in order])
    middles = (np.cumsum(numbers) - numbers / 2) / numbers.sum()
    first = min(max(int((middles < config.train).sum()), 1), len(order) - 2)
    second = min(max(int((middles < config.train + config.val).sum()), first + 1), len(order) - 1)
    return {unit: PARTS[int(index >= first) + int(index >= second)] for index, unit in enumerate(order)}


def _hash(seed: int, unit: str) -> bytes:
    return blake2b(f"{seed} {unit}".encode(), digest_size=8).digest()


def _require_enough(samples: pl.DataFrame, path: Path) -> None:
    classes = sorted(samples["target"].unique())
    if len(samples) < len(PARTS):
        raise DataError(
            f"{path}: only {len(samples)} samples are left after clean, but train, val and test need one each. "
            "Add samples, or see rejected.parquet in the clean folder for why they were rejected."
        )
    if len(classes) < 2:
        raise DataError(
            f"{path}: all {len(samples)} samples that are left after clean are of the class '{classes[0]}', but "
            "there must be two classes at least. Add samples of another class, or see rejected.parquet in the "
            "clean folder for why they were rejected."
        )


def _too_few(stratum: pl.DataFrame, config: Split, path: Path) -> str:
    num_samples, target = stratum["len"].sum(), stratum["target"][0]
    bound = f" that may not be divided further than into {len(stratum)} (same pixels or same group)"
    found = f"{num_samples} sample{'s' if num_samples > 1 else ''}{bound if num_samples > len(stratum) else ''}"
    if not config.stratify:
        return f"{path}: there are {found}, but train, val and test need one each. Add samples."
    return (
        f"{path}: class '{target}' has {found} after clean, but train, val and test need one each. Add samples of "
        f"'{target}', remove the class from the source, or write split: {{stratify: false}}."
    )


def _require_every_class(targets: pl.Series, parts: pl.Series, path: Path) -> None:
    """Groups of several classes can leave a part without a class, however the groups are cut."""
    counts = pl.DataFrame({"target": targets, "part": parts}).group_by("target").agg(pl.col("part").unique())
    for target, found in counts.sort("target").iter_rows():
        missing = [part for part in PARTS if part not in found]
        if missing:
            raise DataError(
                f"{path}: no sample of class '{target}' is in {' and '.join(missing)}, because its groups also "
                "hold samples of other classes. Try another split.seed, make smaller groups, or write "
                "split: {stratify: false}."
            )


def summarise(samples: pl.DataFrame) -> Report:
    """Count the parts, and look for equal pixels and for groups that are in two of them."""
    leaked = [f"{column} {value}" for column in ("digest", "group") for value in _in_several_parts(samples, column)]
    detail = f"In more than one part: {', '.join(leaked[:5])}." if leaked else ""
    check = Check("leaked_duplicates", passed=not leaked, value=len(leaked), threshold=0, detail=detail)
    counts = {part: int((samples["part"] == part).sum()) for part in PARTS}
    smallest = {f"smallest_class_{part}": _smallest_class(samples, part) for part in PARTS}
    shares = {f"{part}_share": count / len(samples) for part, count in counts.items()}
    return Report(counts=counts, numbers={"classes": samples["target"].n_unique(), **shares, **smallest}, checks=[check])


def _in_several_parts(samples: pl.DataFrame, column: str) -> Sequence[str]:
    known = samples.drop_nulls(column).group_by(column).agg(pl.col("part").n_unique())
    return known.filter(pl.col("part") > 1)[column].sort().to_list()


def _smallest_class(samples: pl.DataFrame, part: str) -> int:
    """Number of samples of the rarest class in this part, 0 where a class is missing."""
    counts: list[int] = samples.group_by("target").agg((pl.col("part") == part).sum())["part"].to_list()
    return min(counts)
