"""Stage 2: decode every sample strictly and judge it; what cannot be used goes to `rejected.parquet` with its reason."""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from dl_assets import registry
from dl_assets.artifacts.memo import Memo
from dl_assets.artifacts.report import Check, Report, Severity
from dl_assets.artifacts.shards import open_arrays
from dl_assets.artifacts.tables import CLEAN_SAMPLES, FLAGGED, RAW_SAMPLES, REJECTED, read_table, write_table
from dl_assets.cleaning import labels
from dl_assets.cleaning.decode import decode_all, key_of
from dl_assets.cleaning.judge import Judgement, judge
from dl_assets.config import Clean, Pipeline
from dl_assets.pages.clean import Findings, render

_NAMED_ORIGINS = 3


def clean(config: Pipeline, *, raw: Path, memo: Memo, out: Path, pages: Path) -> Report:
    """Give every raw sample either an array in a shard and a row in samples, or a row in rejected."""
    samples = read_table(RAW_SAMPLES, raw)
    kind = config.task.inputs
    key = key_of(kind, config.clean)
    last = memo.recall(key)
    decoded = decode_all(samples, raw, out, last, kind, config.clean)
    unplaced = samples.drop("shard", "offset", "size_bytes", "location")
    found = unplaced.join(decoded, on="content", how="left", maintain_order="left").drop("content")
    inputs, targets = registry.module("inputs", kind), registry.module("targets", config.task.targets)
    judgement, found_out = judge(found, out, inputs, targets, config.clean, last.tables if last else {})
    rejected = found.select("id").join(judgement.rejected, on="id", how="inner", maintain_order="left")
    write_table(CLEAN_SAMPLES, out, judgement.samples)
    write_table(REJECTED, out, rejected.select("id", "origin", "reason", "detail"))
    write_table(FLAGGED, out, judgement.flagged.select("id", "origin", "reason", "detail"))
    memo.keep(key, out, decoded=decoded, **found_out)
    report = summarise(judgement, targets.strata, samples["target"], config.clean)
    _write_pages(config, judgement, report, targets.strata, out, pages)
    return report


def summarise(judgement: Judgement, strata: Callable[[pl.Series], pl.Series], given: pl.Series, options: Clean) -> Report:
    """Count what was found for which reason, and check that not too much was rejected and that the classes are usable.

    `strata` says which classes a target counts for; `given` are the targets as the source has them.
    """
    rejected, num_kept = judgement.rejected, len(judgement.samples)
    classes = pl.DataFrame({"target": _names(strata, judgement.samples["target"])})
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
            *labels.class_checks(classes, min_class_size=options.min_class_size, max_imbalance=options.max_imbalance),
            *labels.label_checks(_names(strata, given), options.labels),
        ],
    )


def _names(strata: Callable[[pl.Series], pl.Series], targets: pl.Series) -> pl.Series:
    """Return the names of the classes, once for each sample that counts for them."""
    return strata(targets.drop_nulls()).explode(empty_as_null=False).alias("target")


def _write_pages(
    config: Pipeline, judgement: Judgement, report: Report, strata: Callable[[pl.Series], pl.Series], out: Path, pages: Path
) -> None:
    slips = labels.suggestions(_names(strata, judgement.samples["target"]))
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
            strata=strata,
            open_arrays=lambda shown: open_arrays(out, shown),
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
