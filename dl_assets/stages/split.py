"""Stage 3: give every sample to exactly one of train, val and test, and a fold to what is not test."""

from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from dl_assets import registry
from dl_assets.artifacts.report import Report, read_json, write_json
from dl_assets.artifacts.tables import CLEAN_SAMPLES, PARTS, PARTS_TABLE, read_table, write_table
from dl_assets.config import Pipeline, Split
from dl_assets.errors import DataError
from dl_assets.splitting.cut import FREE, hold
from dl_assets.splitting.folds import balanced, draw_folds
from dl_assets.splitting.leaks import find_leaks
from dl_assets.splitting.parts import Material, as_given, by_chance, by_time, given_parts
from dl_assets.splitting.units import Whole, find_units

MEMORY = "split.json"  # beside the parts: how they were made
TEST = PARTS.index("test")
_PART_AND_FOLD = {"part": pl.String, "fold": pl.Int64}


def split(config: Pipeline, *, clean: Path, before: Path | None, out: Path) -> Report:
    """Write part and fold of every sample; equal pixels, near duplicates and samples of one group stay together.

    `before` is what this stage wrote last time. Where the options are still the same, every sample keeps its part and its
    fold, and new ones fill up what is missing.
    """
    samples = read_table(CLEAN_SAMPLES, clean)
    strata = registry.module("targets", config.task.targets).strata(samples["target"])
    _require_enough(samples, strata)
    way = _way(config.split, samples)
    options = {**config.split.model_dump(mode="json"), "by": way}
    earlier, cuts = _remember(before, options, samples)
    found, cuts = assign(samples, strata, config.split, earlier, cuts)
    write_table(PARTS_TABLE, out, found)
    write_json(out / MEMORY, {"options": options, "cuts": [cut.isoformat() for cut in cuts or []]})
    report = summarise(samples.drop("part").join(found, on="id", maintain_order="left", validate="1:1"), strata, earlier)
    if way == "given":
        report.counts["without_given_part"] = samples["part"].null_count()
    return report


def assign(
    samples: pl.DataFrame, strata: pl.Series, config: Split, earlier: pl.DataFrame, cuts: list[datetime] | None = None
) -> tuple[pl.DataFrame, list[datetime] | None]:
    """Return id, part and fold of every sample, and by time when val and test begin.

    `strata` [N] lists what each sample counts as; `earlier` has its part and fold of the split before, null where it is new.
    Nothing depends on the order of the samples.
    """
    units = find_units(samples)
    alike = balanced(strata, stratify=config.stratify)
    held = hold(units, alike, units.hashed(f"{config.seed}"))
    material = Material(samples, units, held, given_parts(earlier), cuts)
    way = _way(config, samples)
    if way == "time":
        parts, cuts = by_time(material, config)
    else:
        parts = (as_given if way == "given" else by_chance)(material, config)
    _require_every_part(parts)

    kept = units.least(earlier["fold"].fill_null(FREE).to_numpy(), FREE)
    folds = draw_folds(units, alike, kept, parts == TEST, num_folds=config.folds, seed=config.seed)
    fold = pl.Series(folds).replace(FREE, None)
    return samples.select("id", part=pl.Series([PARTS[part] for part in parts.tolist()], dtype=pl.String), fold=fold), cuts


def _way(config: Split, samples: pl.DataFrame) -> str:
    is_given = samples["part"].null_count() < len(samples)
    if config.by == "given" and not is_given:
        raise DataError(
            "split.by is given, but the source gives no sample a part. Write split: {by: random}, or choose a source that does."
        )
    return config.by if config.by != "auto" else "given" if is_given else "random"


def _remember(
    before: Path | None, options: dict[str, Any], samples: pl.DataFrame
) -> tuple[pl.DataFrame, list[datetime] | None]:
    """Return part and fold of each sample in the split before (null: it is new), and where val and test began by time."""
    last = read_json(before / MEMORY) if before and (before / MEMORY).is_file() else {}
    if before is None or last.get("options") != options:
        return pl.DataFrame({"part": [None] * len(samples), "fold": [None] * len(samples)}, schema=_PART_AND_FOLD), None
    earlier = samples.select("id").join(read_table(PARTS_TABLE, before), on="id", how="left", maintain_order="left")
    return earlier.select("part", "fold"), [datetime.fromisoformat(text) for text in last["cuts"]] or None


def _require_enough(samples: pl.DataFrame, strata: pl.Series) -> None:
    classes = strata.explode().unique().sort()
    if len(samples) < len(PARTS):
        raise DataError(
            f"only {len(samples)} samples are left after clean, but train, val and test need one each. "
            "Add samples, or see rejected.parquet in the clean folder for why they were rejected."
        )
    if len(classes) < 2:
        raise DataError(
            f"all {len(samples)} samples that are left after clean have the target '{classes[0]}', but there must be two "
            "different ones at least. Add samples of another, or see rejected.parquet in the clean folder for why they "
            "were rejected."
        )


def _require_every_part(parts: Whole) -> None:
    absent = [name for index, name in enumerate(PARTS) if not (parts == index).any()]
    if absent:
        raise DataError(
            f"no sample is in {' and '.join(absent)}, because the samples that are left keep the part that they had, or "
            "because too many of them belong together. Add samples, or write another split.seed, which splits everything anew."
        )


def summarise(samples: pl.DataFrame, strata: pl.Series, earlier: pl.DataFrame) -> Report:
    """Count the parts and what has moved since the split before, and look for what is in two parts."""
    counts = {part: int((samples["part"] == part).sum()) for part in PARTS}
    shares = {f"{part}_share": count / len(samples) for part, count in counts.items()}
    held = samples.select("part", stratum=strata).explode("stratum").group_by("stratum")
    rarest = held.agg((pl.col("part") == part).sum().alias(part) for part in PARTS)
    known = samples.select("part", "fold", part_before=earlier["part"], fold_before=earlier["fold"]).drop_nulls("part_before")
    moved = (pl.col("part") != pl.col("part_before")) | pl.col("fold").ne_missing(pl.col("fold_before"))
    folds = samples.drop_nulls("fold")["fold"].value_counts()["count"]
    numbers: dict[str, float] = {
        "classes": len(rarest),
        **shares,
        **{f"smallest_class_{part}": min(rarest[part].to_list()) for part in PARTS},
        "smallest_fold": min(folds.to_list()),
        "new": len(samples) - len(known),
        "moved": int(known.select(moved.sum()).item()),
    }
    return Report(counts=counts, numbers=numbers, checks=[find_leaks(samples)])
