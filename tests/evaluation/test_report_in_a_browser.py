"""The report as a browser shows it: every figure is there, nothing is complained of, and a phone need not scroll sideways."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from browser import look_at

from dl_assets.evaluation import classes
from dl_assets.evaluation.report import Findings, render
from dl_assets.pages import style

NAMES = [f"a class with a long name {index}" for index in range(12)]


@pytest.fixture
def page(findings: Findings, make: Any) -> str:
    """A page with all figures of a classifier, one of which is wider than a column."""
    predictions, fitted = make(120, NAMES), {"classes": NAMES}
    figures = {name: style.png(figure) for name, figure in classes.figures(predictions, fitted).items()}
    figures["wide"] = style.png(style.blank(10, 3))
    panels = [*findings.panels, *classes.panels(predictions, fitted)]
    return render(replace(findings, figures=figures, panels=panels))


def test_every_figure_is_shown_and_nothing_is_complained_of(page: str, tmp_path: Path) -> None:
    for width in (1200, 360):
        seen = look_at(page, tmp_path, width=width)
        assert seen.complaints == []
        names = {alt for alt, _, _ in seen.pictures}
        assert {"confusion matrix", "confusion shares", "roc curve", "precision recall", "calibration", "wide"} <= names
        assert all(own > 0 and shown > 0 for _, own, shown in seen.pictures)
        assert seen.width <= width and seen.text > 1000


def test_a_complaint_of_the_browser_is_noticed(tmp_path: Path) -> None:
    broken = "<body><img src='file:///nowhere.png' alt='nowhere'><script>console.error('oh')</script></body>"
    seen = look_at(broken, tmp_path, width=800)
    assert any("oh" in line for line in seen.complaints)
    assert ("nowhere", 0) in {(alt, own) for alt, own, _ in seen.pictures}
