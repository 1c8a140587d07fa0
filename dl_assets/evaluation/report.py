"""The evaluation as one HTML page that needs nothing else: no network, no script, no file beside it."""

from dataclasses import dataclass
from typing import Any

import polars as pl

from dl_assets.artifacts.tables import PARTS
from dl_assets.evaluation.gallery import Gallery
from dl_assets.evaluation.headline import Headline, amount
from dl_assets.evaluation.mistakes import Telling
from dl_assets.evaluation.panel import Panel
from dl_assets.pages.html import page

# Of the card, what differs from run to run on the same data, or stands elsewhere on the page.
_NOT_SHOWN = ("pipeline", "task", "classes", "num_samples", "seconds")


@dataclass(frozen=True)
class Findings:
    """Everything that the page tells. The same findings give the same bytes."""

    pipeline: str
    task: str
    sentence: str
    headline: dict[str, Headline]  # metrics at the top
    further: dict[str, Headline]  # metrics below them
    metrics: dict[str, Any]  # of the test part
    samples: pl.DataFrame  # part of every clean sample, and its strata: its classes, as a list
    rejected: pl.DataFrame  # reason of every rejected one
    figures: dict[str, bytes]  # name -> PNG
    captions: dict[str, str]  # name of a figure -> what it shows
    panels: list[Panel]
    mistakes: pl.DataFrame  # those to show, worst first: id, part, origin and what `telling` tells of
    num_mistakes: int  # all that there are
    galleries: list[Gallery]  # others of them, that belong together
    telling: Telling
    pictures: dict[str, bytes]  # id of a mistake -> PNG
    card: dict[str, Any]


def render(findings: Findings) -> str:
    """Return the page. Whatever comes from the data is escaped."""
    return page(
        "dl_assets.evaluation",
        "report.html.j2",
        findings=findings,
        cards=_told(findings.headline, findings.metrics),
        further=_told(findings.further, findings.metrics),
        classes=_classes(findings.metrics),
        parts={part: findings.samples.filter(part=part).height for part in PARTS},
        targets=_targets(findings.samples),
        reasons=findings.rejected["reason"].value_counts().sort("count", "reason", descending=[True, False]).rows(),
        mistakes=_cells(findings, findings.mistakes),
        galleries=[
            (gallery, _cells(findings, gallery.mistakes))
            for gallery in findings.galleries
            if findings.pictures or not gallery.only_pictures
        ],
        card=_flat(_shown_card(findings.card)),
        parts_order=PARTS,
    )


def _told(headlines: dict[str, Headline], metrics: dict[str, Any]) -> list[tuple[Headline, dict[str, float]]]:
    return [(headline, metrics[name]) for name, headline in headlines.items() if name in metrics]


def _cells(findings: Findings, mistakes: pl.DataFrame) -> list[tuple[dict[str, Any], dict[str, str]]]:
    return [(mistake, findings.telling.cells(mistake)) for mistake in mistakes.to_dicts()]


def _classes(metrics: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the classes, lowest F1 first; one that has none (no sample in test) goes to the end."""
    return sorted(metrics.get("classes", {}).items(), key=lambda item: item[1].get("f1", {"value": 2})["value"])


def _shown_card(card: dict[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in card.items() if name not in _NOT_SHOWN}
    return {name: _shown_card(value) if isinstance(value, dict) else value for name, value in shown.items()}


def _targets(samples: pl.DataFrame) -> dict[str, dict[str, int]]:
    """Return class -> part -> number of samples."""
    counted: dict[str, dict[str, int]] = {}
    for target, part, count in samples.explode("strata").group_by("strata", "part").len().rows():
        counted.setdefault(target, {})[part] = count
    return counted


def _flat(card: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Return the leaves of nested dicts by their path in words.

    >>> _flat({"model": {"name": "cnn", "options": {"width": 32}}, "seed": 17, "num_parameters": 65432})
    {'model, name': 'cnn', 'model, width': '32', 'seed': '17', 'num parameters': '65,432'}
    """
    flat: dict[str, str] = {}
    for key, value in card.items():
        name = prefix if key == "options" else prefix + key.replace("_", " ")
        flat |= _flat(value, f"{name.removesuffix(', ')}, ") if isinstance(value, dict) else {name: _shown(value)}
    return flat


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return amount(value)
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
