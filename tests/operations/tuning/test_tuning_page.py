"""The report of a study: it stands alone, is safe whatever the values are, and draws whatever has become of the trials."""

import re
from pathlib import Path
from typing import Any

import pytest

from dl_assets.artifacts.report import write_json
from dl_assets.operations.tuning.figures import figures
from dl_assets.operations.tuning.findings import Findings
from dl_assets.operations.tuning.page import render
from dl_assets.operations.tuning.study import Row, best_of
from dl_assets.search_space import Between, OneOf, Search
from dl_assets.sections import Tune

NASTY = "<script>alert(1)</script>"
SPACE = (
    Between("train.learning_rate", 1e-4, 1e-1, None, log=True, whole=False),
    Between("train.epochs", 1, 9, 2, log=False, whole=True),
    OneOf("augment", ("light", ["HorizontalFlip"], NASTY)),
)


def row(number: int, state: str = "complete", value: float | None = None, **changes: Any) -> Row:
    value = (0.3 + 0.05 * (number % 7) if value is None else value) if state in ("complete", "pruned") else None
    values = {
        "train.learning_rate": 10.0 ** -(1 + number % 4),
        "train.epochs": 1 + 2 * (number % 5),
        "augment": SPACE[2].candidates[number % 3],
    }
    curve = [] if value is None else [value + 0.1 / epoch for epoch in range(1, 2 + number % 5)]
    return Row(
        **{
            **{"number": number, "state": state, "values": values, "value": value, "curve": curve, "epochs": len(curve)},
            **{"scores": {"val_loss": value or 0.0, "val_accuracy": 0.9}, "seconds": 3.0, "reason": ""},
            **changes,
        }
    )


def findings_with(rows: list[Row], metric: str = "val_loss", **changes: Any) -> Findings:
    direction: Any = "minimize" if metric == "val_loss" else "maximize"
    options = Tune(metric=metric, space={"x": [1, 2]})
    values = {"pipeline": "pets", "task": "image_classification", "key": "abc", "present": None}
    return Findings(
        **{
            **values,
            "search": Search(options, SPACE, direction),
            "rows": rows,
            "best": best_of(rows, direction),
            "present_values": {dimension.name: None for dimension in SPACE},
            "importances": {"train.epochs": 0.7, "train.learning_rate": 0.3, "augment": 0.0},
            **changes,
        }
    )


@pytest.fixture(scope="module")
def findings() -> Findings:
    rows = [row(number) for number in range(12)] + [row(12, "pruned"), row(13, "killed"), row(14, "complete", 900.0)]
    return findings_with([*rows, row(15, "failed", reason=f"the loss became nan {NASTY}")])


@pytest.fixture(scope="module")
def page(findings: Findings) -> str:
    return render(findings)


def test_the_page_asks_for_nothing_from_outside(page: str) -> None:
    assert not re.search(r"https?:|<script|<link|@import|url\(", page)
    sources = re.findall(r'src="([^"]*)"', page)
    assert len(sources) == 4
    assert all(source.startswith("data:image/png;base64,") for source in sources)


def test_what_comes_from_the_pipeline_file_is_escaped(page: str) -> None:
    assert NASTY not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_the_same_findings_give_the_same_bytes(findings: Findings, page: str) -> None:
    assert render(findings) == page


def test_every_trial_has_a_line_and_the_best_is_marked(findings: Findings, page: str) -> None:
    lines = re.findall(r'<tr( class="best")?><td class="number">(\d+)</td><td class="state">(\w+)</td>', page)
    assert [(int(number), state) for _, number, state in lines] == [(row.number, row.state) for row in findings.rows]
    assert [int(number) for best, number, _ in lines if best] == [0]
    assert "14 complete" not in page and "13 complete, 1 pruned, 1 failed, 1 killed" in page


@pytest.mark.parametrize(
    ("present", "says"),
    [
        (None, "The values that the pipeline has now are outside of the search space"),
        (row(0), "with the values that the pipeline has already."),
        (row(3), "where the values that the pipeline has now give 0.45."),
    ],
)
def test_the_first_sentence_compares_with_what_the_pipeline_has_now(present: Row | None, says: str) -> None:
    told = render(findings_with([row(number) for number in range(5)], present=present))
    assert "Of 5 trials, number 0 is the best: val_loss 0.3" in told
    assert says in told


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [row(0, "failed", reason="no")],
        [row(0, "pruned"), row(1, "killed")],
        [row(0)],
        [row(0, value=0.5), row(1, value=0.5)],
        [row(0, value=0.0), row(1, value=1e30)],
    ],
    ids=["none", "failed", "pruned", "one", "equal", "diverged"],
)
@pytest.mark.parametrize("metric", ["val_loss", "val_accuracy"])
def test_whatever_has_become_of_the_trials_there_is_a_page(rows: list[Row], metric: str, tmp_path: Path) -> None:
    found = findings_with(rows, metric, importances={})
    drawn = figures(found)
    assert ("coordinates" in drawn) == any(row.state == "complete" for row in rows)
    assert "importances" not in drawn
    assert "study abc" in render(found)
    write_json(tmp_path / "trials.json", found.as_json())


def test_a_space_of_many_places_and_candidates_can_be_drawn() -> None:
    many = tuple(OneOf(f"model.option_{index}", tuple(range(30))) for index in range(12))
    rows = [row(number, values={dimension.name: number for dimension in many}) for number in range(10)]
    search = Search(Tune(space={"x": [1, 2]}), many, "minimize")
    assert "coordinates" in figures(findings_with(rows, search=search))
