"""What cleaning found, as one HTML page: counts, checks, the worst of each reason, and how targets and values are spread."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl

from dl_assets.artifacts.report import Check
from dl_assets.artifacts.shards import Arrays
from dl_assets.artifacts.tables import REASONS
from dl_assets.pages.canvas import KEPT, REJECTED, Canvas
from dl_assets.pages.clean_classes import class_balance, count_classes
from dl_assets.pages.clean_columns import MAX_PANELS, column_panels, shown_columns, target_histogram
from dl_assets.pages.clean_measures import histograms, together
from dl_assets.pages.clean_sizes import sizes
from dl_assets.pages.html import page
from dl_assets.pages.pictures import thumbnail

MAX_SHOWN = 12  # of each reason
MAX_SUGGESTED = 30

MEANINGS = {
    "unreadable": "no picture, damaged, or gone",
    "truncated": "cut off before its end",
    "too_small": "fewer pixels than a side must have",
    "aspect_ratio": "so long that a square shows little of it",
    "uniform": "one colour almost everywhere",
    "exposure": "nearly black or nearly white",
    "blurred": "without sharp edges",
    "exact_duplicate": "the same pixels as another of its class",
    "near_duplicate": "shows what another of its class shows",
    "label_conflict": "equal or nearly equal to one of another class",
    "no_label": "without a target",
    "schema": "not of the form that the task needs",
    "mislabelled": "a model that has not seen it finds its target very unlikely",
    "odd": "in texture and light like no other",
    "outlier": "with a number far from all others",
    "relabelled": "renamed by clean.labels",
}
# Where the samples are rows of a table.
_ROW_MEANINGS = {
    "unreadable": "cannot be read as a row",
    "exact_duplicate": "the same values as another with its target",
    "near_duplicate": "nearly the same values as another with its target",
    "label_conflict": "the same values as another with a different target",
    "schema": "breaks a rule of the schema",
}
CAPTIONS = {
    "class_balance": "Samples of each class. What is rarer than its neighbours is learnt less well, and measured less surely.",
    "sizes": "Width and height of the pictures as they were; the larger a point, the more are of that size.",
    "target": "The numbers to predict. Heights are square roots, so that a single one is seen.",
    "columns": "Numbers as they were read. Heights are square roots, so that a single one is seen.",
    "distributions": "What was measured of every picture that could be decoded. Dashed lines are thresholds of the pipeline "
    "file; heights are square roots, so that a single one is seen.",
}
# Worst first. Other findings stay in the order in which they were found.
_WORST = {
    "too_small": pl.min_horizontal("width", "height"),
    "aspect_ratio": pl.min_horizontal("width", "height") / pl.max_horizontal("width", "height"),
    "uniform": pl.col("contrast"),
    "blurred": pl.col("sharpness"),
    "exposure": 0.5 - (pl.col("brightness") - 0.5).abs(),
}


@dataclass(frozen=True)
class Findings:
    """Everything that the page tells. The same findings give the same bytes."""

    pipeline: str
    task: str
    kept: pl.DataFrame  # id, origin, target, shard, row, and what was measured
    rejected: pl.DataFrame  # the same and reason, detail, and perhaps other (the id that it repeats or contradicts)
    flagged: pl.DataFrame  # the same; these are among the kept ones, or were rejected later for another reason
    checks: list[Check]
    suggestions: list[tuple[str, str, int, str]]  # target found, instead, number of samples, reason
    options: dict[str, Any]  # of `clean`: thresholds are drawn, and actions are told
    strata: Callable[[pl.Series], pl.Series]  # targets -> the classes that each of them counts for, as lists
    open_arrays: Callable[[pl.DataFrame], Arrays] | None  # of samples with shard and row; None where there is nothing to see
    columns: pl.DataFrame | None = None  # of a table: name, kind, missing (share), different, spread and remark of each
    values: pl.DataFrame | None = None  # of a table: id and the typed columns, of the kept and perhaps of rejected rows
    numbers: Callable[[pl.Series], pl.Series] | None = None  # targets -> Float64, where they are numbers and no classes


def render(findings: Findings) -> tuple[str, dict[str, bytes]]:
    """Return the page, and its figures (name -> PNG) for those who show them elsewhere.

    At most 12 samples of each reason are shown, whatever the number of samples. Whatever comes from the data is escaped.
    """
    drawn, panels = _figures(findings)
    pngs = {name: canvas.png() for name, canvas in drawn.items()}
    suggested = findings.suggestions[:MAX_SUGGESTED]
    html = page(
        "dl_assets.pages",
        "clean.html.j2",
        findings=findings,
        cards=_cards(findings),
        checks=[(check, _verdict(check)) for check in sorted(findings.checks, key=lambda check: check.passed)],
        sections=_sections(findings),
        figures=pngs,
        panels={title: canvas.png() for title, canvas in panels.items()},
        captions=CAPTIONS,
        kept_colour=KEPT,
        rejected_colour=REJECTED,
        suggested=suggested,
        yaml=json.dumps({found: instead for found, instead, *_ in suggested}, ensure_ascii=False),
        meanings=MEANINGS if findings.columns is None else MEANINGS | _ROW_MEANINGS,
        more_panels=_more_panels(findings),
        columns=[] if findings.columns is None else shown_columns(findings.columns).to_dicts(),
    )
    return html, pngs


def _figures(findings: Findings) -> tuple[dict[str, Canvas], dict[str, Canvas]]:
    """Return the figures, as far as there are samples and columns for them, and the parts of the one of the distributions."""
    kept, rejected, options = findings.kept, findings.rejected, findings.options
    if kept.is_empty():
        return {}, {}
    drawn = _target_figure(findings)
    if {"width", "height"} <= set(kept.columns) & set(rejected.columns):
        drawn["sizes"] = sizes(kept, rejected)
    if findings.values is not None:
        panels = column_panels(findings.values, kept["id"], _numeric_columns(findings))
    else:
        panels = histograms(kept, rejected, options)
    if panels:
        drawn["distributions"] = together(panels.values())
    return drawn, panels


def _target_figure(findings: Findings) -> dict[str, Canvas]:
    kept, rejected = findings.kept, findings.rejected
    if findings.numbers is not None:
        return {"target": target_histogram(*(findings.numbers(table["target"].drop_nulls()) for table in (kept, rejected)))}
    classes = count_classes(_classes(findings, kept), _classes(findings, rejected))
    return {"class_balance": class_balance(classes, findings.options.get("min_class_size"))}


def _numeric_columns(findings: Findings) -> list[str]:
    assert findings.values is not None, "asked only of tables"
    if findings.columns is None:
        return [name for name, kind in findings.values.schema.items() if kind.is_numeric()]
    return findings.columns.filter(kind="number")["name"].to_list()


def _more_panels(findings: Findings) -> str:
    num = 0 if findings.values is None else len(_numeric_columns(findings))
    return f" These are the first {MAX_PANELS} of {num:,}." if num > MAX_PANELS else ""


def _cards(findings: Findings) -> list[tuple[str, str, str]]:
    """Return name, value and meaning of the numbers at the top."""
    num_kept, num_rejected = len(findings.kept), len(findings.rejected)
    share = num_rejected / max(num_kept + num_rejected, 1)
    failed = [check for check in findings.checks if not check.passed]
    stops = any(check.severity == "error" for check in failed)
    verdict = "stop" if stops else "warn" if failed else "pass"
    return [
        ("Kept", f"{num_kept:,}", "samples that the next stages use"),
        ("Rejected", f"{num_rejected:,}", f"{100 * share:.1f} % of all; each with its reason in rejected.parquet"),
        ("Flagged", f"{findings.flagged['id'].n_unique():,}", "worth a look; they stay, unless rejected for another reason"),
        *_column_card(findings),
        _target_card(findings),
        ("Checks", verdict, f"{len(findings.checks) - len(failed)} of {len(findings.checks)} checks passed"),
    ]


def _column_card(findings: Findings) -> list[tuple[str, str, str]]:
    if findings.columns is None:
        return []
    num_unused = findings.columns["kind"].is_in(["text", "ignore"]).sum()
    num_used = len(findings.columns) - int(num_unused)
    return [("Columns", f"{num_used:,}", f"used, of {len(findings.columns):,}; the others are text or ignored")]


def _target_card(findings: Findings) -> tuple[str, str, str]:
    if findings.numbers is None:
        return ("Classes", f"{_classes(findings, findings.kept).n_unique():,}", "different ones among the kept")
    numbers = findings.numbers(findings.kept["target"].drop_nulls())
    bounds = [numbers.min(), numbers.median(), numbers.max()]
    low, middle, high = (f"{bound:,.6g}" if isinstance(bound, float) else "none" for bound in bounds)
    return ("Target", middle, f"its median; from {low} to {high} among the kept")


def _classes(findings: Findings, samples: pl.DataFrame) -> pl.Series:
    """Return the classes of the samples, as often as they have them."""
    return findings.strata(samples["target"].drop_nulls()).explode()


def _verdict(check: Check) -> str:
    if check.passed:
        return "pass"
    return "stop" if check.severity == "error" else "warn"


def _sections(findings: Findings) -> list[dict[str, Any]]:
    """Return for each reason that was found: its counts, and the worst of its samples with their pictures."""
    sections = []
    for reason in REASONS:
        rejected, flagged = findings.rejected.filter(reason=reason), findings.flagged.filter(reason=reason)
        if len(rejected) or len(flagged):
            shown = _worst(pl.concat([rejected, flagged], how="diagonal_relaxed"), reason).head(MAX_SHOWN)
            counts = {"rejected": len(rejected), "flagged": len(flagged)}
            sections.append({"reason": reason, **counts, "samples": _with_pictures(shown, findings)})
    return sections


def _worst(samples: pl.DataFrame, reason: str) -> pl.DataFrame:
    order = _WORST.get(reason)
    if order is None or not set(order.meta.root_names()) <= set(samples.columns):
        return samples
    return samples.sort(order, nulls_last=True, maintain_order=True)


def _with_pictures(shown: pl.DataFrame, findings: Findings) -> list[dict[str, Any]]:
    """Return the samples as dicts with `pictures`: their own, and that of the other one which they repeat or contradict."""
    others = _others(shown, findings)
    both = pl.concat([shown.select(_PLACE), others.select(_PLACE)]).unique("id", keep="first", maintain_order=True)
    pictures = _pictures(both, findings)
    origins = dict(others.select("id", "origin").iter_rows())
    samples = []
    for sample in shown.to_dicts():
        ids = [sample["id"], sample.get("other")]
        samples.append(
            {
                **sample,
                "pictures": [pictures[i] for i in ids if i in pictures],
                "other_origin": origins.get(sample.get("other")),
            }
        )
    return samples


_PLACE = ("id", "shard", "row")


def _others(shown: pl.DataFrame, findings: Findings) -> pl.DataFrame:
    wanted = shown["other"].drop_nulls() if "other" in shown.columns else pl.Series([], dtype=pl.String)
    everyone = (table.select(*_PLACE, "origin") for table in (findings.kept, findings.rejected))
    return pl.concat([table.filter(pl.col("id").is_in(wanted.implode())) for table in everyone])


def _pictures(samples: pl.DataFrame, findings: Findings) -> dict[str, str]:
    """Return id -> data URI of those that have an array."""
    stored = samples.drop_nulls("shard")
    if findings.open_arrays is None or stored.is_empty():
        return {}
    arrays = findings.open_arrays(stored)
    return {sample_id: thumbnail(arrays[index]) for index, sample_id in enumerate(stored["id"])}
