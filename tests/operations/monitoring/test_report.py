"""The page of drift, from frames of every kind."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from dl_assets.operations.monitoring.difference import settle
from dl_assets.operations.monitoring.differences import compare
from dl_assets.operations.monitoring.page import write_report

RANDOM = np.random.default_rng(3)


def pictures(size: int, shift: float) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "width": np.full(size, 32),
            "brightness": RANDOM.normal(100 + 40 * shift, 20, size),
            "embedding": pl.Series(RANDOM.normal(shift, 1, (size, 4)).tolist(), dtype=pl.List(pl.Float32)),
            "prediction": RANDOM.choice(["<b>cat</b>", "dog", "owl"], size).tolist(),
            "confidence": RANDOM.uniform(0.5, 1, size),
        }
    )


def rows(size: int, shift: float) -> pl.DataFrame:
    words = RANDOM.choice([f"town {number}" for number in range(40)], size).tolist()
    return pl.DataFrame({"age": RANDOM.normal(40 + shift, 9, size), "town": words, "prediction": RANDOM.normal(size=size)})


def told(reference: pl.DataFrame, window: pl.DataFrame) -> dict[str, Any]:
    return {
        "pipeline": "pets",
        "time": "2026-11-28T07:00:00.000+00:00",
        "model": "0123456789abcdef",
        "window": {"rows": len(window), "first": "2026-11-27T07:00:00", "last": "2026-11-28T06:59:00"},
        "verdict": "drift",
        "reason": "brightness drifted.",
        "retrain": True,
        "tests": [one.told() for one in settle(compare(reference, window, psi=0.2), 0.001)],
        "quality": {"accuracy": {"value": 0.8, "low": 0.75, "high": 0.85, "reference": 0.95}},
        "feedback_rows": 120,
    }


def series(measures: list[str]) -> pl.DataFrame:
    start = datetime(2026, 11, 1, tzinfo=UTC)
    rows = [(start + timedelta(hours=hour), 200, name, 0.02 * hour, 0.1) for hour in range(10) for name in measures]
    return pl.DataFrame(rows, schema=["start", "rows", "measure", "statistic", "limit"], orient="row")


@pytest.mark.parametrize(
    ("make", "names"), [(pictures, ["distributions", "embedding", "series"]), (rows, ["distributions", "series"])]
)
def test_the_page_holds_each_figure_and_needs_nothing_else(tmp_path: Path, make: Any, names: list[str]) -> None:
    reference, window = make(300, 0), make(250, 1)
    write_report(tmp_path, told(reference, window), reference=reference, window=window, series=series(["brightness", "age"]))
    assert sorted(path.stem for path in tmp_path.glob("*.png")) == names
    page = (tmp_path / "monitor.html").read_text()
    assert page.count("data:image/png;base64,") == len(names)
    assert "http" not in page and "<script" not in page and "<b>cat" not in page
    assert "There is drift" in page and "0.75 to 0.85" in page


def test_of_too_few_predictions_the_page_says_only_that(tmp_path: Path) -> None:
    nothing = pictures(0, 0)
    empty = {"rows": 0, "first": None, "last": None}
    few = told(nothing, nothing) | {"verdict": "too_few", "reason": "0 are logged.", "quality": None, "window": empty}
    write_report(tmp_path, few, reference=nothing, window=nothing, series=series(["width"])[:0])
    assert [path.name for path in tmp_path.iterdir()] == ["monitor.html"]
    assert "Too few predictions to say" in (tmp_path / "monitor.html").read_text()
