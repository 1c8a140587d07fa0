"""Stage 2: decode every sample strictly and judge it; what cannot be used goes to `rejected.parquet` with its reason."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType

import polars as pl

from dl_assets import registry
from dl_assets.artifacts.memo import Memo, Recalled
from dl_assets.artifacts.report import Check, Report, Severity
from dl_assets.artifacts.rows import read_values
from dl_assets.artifacts.shards import open_arrays
from dl_assets.artifacts.tables import CLEAN_SAMPLES, FLAGGED, RAW_SAMPLES, REJECTED, read_table, write_table
from dl_assets.cleaning import labels
from dl_assets.cleaning.decode import decode_all, key_of
from dl_assets.cleaning.judge import Judgement, judge
from dl_assets.cleaning.rows import decode_rows
from dl_assets.config import Clean, Pipeline
from dl_assets.errors import ConfigError
from dl_assets.pages.clean import Findings, render
from dl_assets.sections import CleanPictures

_NAMED_ORIGINS = 3


def clean(config: Pipeline, *, raw: Path, memo: Memo, out: Path, pages: Path) -> Report:
    """Give every raw sample either an array in a shard and a row in samples, or a row in rejected."""
    samples = read_table(RAW_SAMPLES, raw)
    targets = registry.module("targets", config.task.targets)
    if isinstance(config.clean, CleanPictures):
        key = key_of(config.task.inputs, config.clean)
        judgement, found_out = _clean_files(config, samples, raw, memo.recall(key), out)
        about = Columns()
    else:
        judgement, about = _clean_rows(config, samples, raw, out)
        key, found_out = {}, {}  # to type all rows is quicker than to look for what is new
    rejected = samples.select("id").join(judgement.rejected, on="id", how="inner", maintain_order="left")
    write_table(CLEAN_SAMPLES, out, judgement.samples)
    write_table(REJECTED, out, rejected.select("id", "origin", "reason", "detail"))
    write_table(FLAGGED, out, judgement.flagged.select("id", "origin", "reason", "detail"))
    if found_out:
        memo.keep(key, out, **found_out)
    report = summarise(judgement, targets, samples["target"], config.clean)
    report.checks.extend(about.checks)
    _write_pages(config, judgement, report, about, out, pages)
    return report


@dataclass(frozen=True)
class Columns:
    """What is to be told of the columns of a table; nothing of anything else."""

    checks: tuple[Check, ...] = ()
    table: pl.DataFrame | None = None
    values: pl.DataFrame | None = None


def _clean_files(
    config: Pipeline, samples: pl.DataFrame, raw: Path, last: Recalled | None, out: Path
) -> tuple[Judgement, dict[str, pl.DataFrame]]:
    """Decode what was not decoded before, and judge all of it; return also what the next run is to know."""
    options = config.clean
    assert isinstance(options, CleanPictures)
    decoded = decode_all(samples, raw, out, last, config.task.inputs, options)
    _require_free(samples, decoded)
    found = _unplaced(samples).join(decoded, on="content", how="left", maintain_order="left").drop("content")
    judgement, found_out = judge(found, out, *_modules(config), options, last.tables if last else {})
    return judgement, {"decoded": decoded, **found_out}


def _clean_rows(config: Pipeline, samples: pl.DataFrame, raw: Path, out: Path) -> tuple[Judgement, Columns]:
    """Type all rows and judge them."""
    inputs, targets = _modules(config)
    typed = decode_rows(samples, raw, out, config.task.inputs, config.clean)
    found = _unplaced(samples).drop("content").join(typed.found, on="id", how="left", maintain_order="left")
    judgement, _ = judge(found, out, inputs, targets, config.clean, {})
    values = read_values(out, judgement.samples)
    known = judgement.samples["target"]
    known = pl.Series(targets.read(known)) if hasattr(targets, "read") else known
    checks = inputs.column_checks(typed.schema, values.lazy(), known, typed.facts)
    return judgement, Columns(tuple(checks), inputs.column_table(typed.schema, values.lazy(), typed.facts), values)


def _modules(config: Pipeline) -> tuple[ModuleType, ModuleType]:
    return registry.module("inputs", config.task.inputs), registry.module("targets", config.task.targets)


def _require_free(samples: pl.DataFrame, decoded: pl.DataFrame) -> None:
    """Raise ConfigError where the source calls a column of its own as we call what is measured of a sample."""
    taken = set(samples.columns) & set(decoded.columns) - set(RAW_SAMPLES.schema.columns)
    if taken:
        raise ConfigError(
            f"source.columns: {', '.join(sorted(taken))} is what clean calls its own measurement. Rename it in the table, or "
            "leave it away."
        )


def _unplaced(samples: pl.DataFrame) -> pl.DataFrame:
    return samples.drop("shard", "offset", "size_bytes", "location")


def summarise(judgement: Judgement, targets: ModuleType, given: pl.Series, options: Clean) -> Report:
    """Count what was found for which reason, and check that not too much was rejected and that the targets are usable.

    `given` are the targets as the source has them.
    """
    rejected, num_kept = judgement.rejected, len(judgement.samples)
    return Report(
        counts={
            "kept": num_kept,
            "rejected": len(rejected),
            "flagged": judgement.flagged["id"].n_unique(),
            **{f"rejected_{reason}": count for reason, count in _counts(rejected)},
            **{f"flagged_{reason}": count for reason, count in _counts(judgement.flagged)},
        },
        numbers={"rejected_share": len(rejected) / max(num_kept + len(rejected), 1)},
        checks=[
            _rejected_share(rejected, num_kept, options),
            *(targets.checks if hasattr(targets, "checks") else partial(_class_checks, targets.strata, given, options))(
                judgement.samples["target"]
            ),
        ],
    )


def _class_checks(
    strata: Callable[[pl.Series], pl.Series], given: pl.Series, options: Clean, kept: pl.Series
) -> Iterator[Check]:
    classes = pl.DataFrame({"target": _names(strata, kept)})
    yield from labels.class_checks(classes, min_class_size=options.min_class_size, max_imbalance=options.max_imbalance)
    yield from labels.label_checks(_names(strata, given), options.labels)


def _names(strata: Callable[[pl.Series], pl.Series], targets: pl.Series) -> pl.Series:
    """Return the names of the classes, once for each sample that counts for them."""
    return strata(targets.drop_nulls()).explode(empty_as_null=False).alias("target")


def _write_pages(config: Pipeline, judgement: Judgement, report: Report, about: Columns, out: Path, pages: Path) -> None:
    inputs, targets = _modules(config)
    read = getattr(targets, "read", None)  # of numbers, among which there are no slips
    slips = [] if read else labels.suggestions(_names(targets.strata, judgement.samples["target"]))
    html, figures = render(
        Findings(
            pipeline=config.name,
            task=config.task_name,
            kept=judgement.samples,
            rejected=judgement.rejected,
            flagged=judgement.flagged,
            checks=report.checks,
            suggestions=[(slip.found, slip.instead, slip.num_samples, slip.reason) for slip in slips],
            options=config.clean.model_dump(),
            strata=targets.strata,
            open_arrays=(lambda shown: open_arrays(out, shown)) if hasattr(inputs, "sheet") else None,
            columns=about.table,
            values=about.values,
            numbers=(lambda known: pl.Series(read(known))) if read else None,
        )
    )
    (pages / "clean.html").write_text(html, encoding="utf-8")
    for name, png in figures.items():
        (pages / f"{name}.png").write_bytes(png)


def _counts(findings: pl.DataFrame) -> list[tuple[str, int]]:
    return findings.group_by("reason").len().sort("reason").rows()


def _rejected_share(rejected: pl.DataFrame, num_kept: int, options: Clean) -> Check:
    """Few rejected samples pass, more are a warning, too many stop the pipeline."""
    total = num_kept + len(rejected)
    share = len(rejected) / max(total, 1)
    by_reason = rejected.group_by("reason", maintain_order=True).agg("origin")
    named = "; ".join(f"{len(origins)} {reason} ({_few(origins)})" for reason, origins in by_reason.iter_rows())
    detail = f"Rejected are {len(rejected)} of {total} samples{': ' + named if named else ''}."
    stops = share > options.max_rejected
    if stops:
        detail += " Mend or remove these files, or raise clean.max_rejected."
    threshold = options.max_rejected if stops else options.warn_rejected
    severity: Severity = "error" if stops else "warning"
    return Check("rejected_share", share <= options.warn_rejected, share, threshold, severity, detail)


def _few(origins: list[str]) -> str:
    return ", ".join(origins[:_NAMED_ORIGINS]) + (", ..." if len(origins) > _NAMED_ORIGINS else "")
