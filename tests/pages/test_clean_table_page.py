"""The page of a cleaned table shows its columns and its numeric target, and stays small and safe."""

import re
from typing import Any

import numpy as np
import polars as pl
import pytest

from dl_assets.artifacts.report import Check
from dl_assets.pages.canvas import KEPT, SCALE
from dl_assets.pages.clean import Findings, render
from dl_assets.pages.clean_columns import MAX_PANELS, MAX_ROWS, column_panels, target_histogram

COLUMNS = ("name", "kind", "missing", "different", "spread", "remark")


def table(num: int = 60) -> pl.DataFrame:
    rows = pl.int_range(num, eager=True)
    return pl.DataFrame({"id": rows.cast(pl.String)}).with_columns(
        origin=pl.format("people.csv:{}", "id"), target=(rows * 1000).cast(pl.String), shard=pl.lit(0, pl.Int64), row=rows
    )


def findings(**values: Any) -> Findings:
    samples = table()
    found = samples.with_columns(other=pl.lit(None, pl.String))
    given: dict[str, Any] = {
        "pipeline": "people",
        "task": "tabular_regression",
        "kept": samples[5:],
        "rejected": found[:5].with_columns(reason=pl.lit("schema"), detail=pl.lit("age: '<b>' is no number")),
        "flagged": found[7:8].with_columns(reason=pl.lit("outlier"), detail=pl.lit("age is 900")),
        "checks": [Check("columns", True, 0, 0, "warning", "2 of 3 columns are used.")],
        "suggestions": [],
        "options": {},
        "strata": lambda targets: targets.to_frame("t").select(pl.concat_list("t")).to_series(),
        "open_arrays": None,
        "columns": pl.DataFrame(
            [
                ("age", "number", 0.25, "40", "0 … 28 … 80", ""),
                ("<script>", "category", 0.0, "2", "'m' (30), 'f' (25)", "renamed {M: m}"),
                ("key", "ignore", None, "", "", "an identifier"),
            ],
            schema=COLUMNS,
            orient="row",
        ),
        "values": pl.DataFrame({"id": samples["id"], "age": np.arange(60.0), "<script>": ["m"] * 60}),
        "numbers": lambda targets: targets.cast(pl.Float64),
    }
    return Findings(**{**given, **values})


@pytest.fixture(scope="module")
def page() -> str:
    return render(findings())[0]


def card(page: str, name: str) -> str:
    return re.search(rf'class="name">{name}</div>\s*<div class="value">([^<]*)', page)[1]


def test_every_column_has_a_row(page: str) -> None:
    rows = re.findall(r"<tr[^>]*><th>([^<]*)</th><td>(\w+)</td><td[^>]*>([^<]*)</td>", page)
    assert rows == [("age", "number", "25.0 %"), ("&lt;script&gt;", "category", "none"), ("key", "ignore", "–")]
    assert "<script>" not in page and "<b>'" not in page


def test_used_columns_are_counted_and_a_numeric_target_is_told(page: str) -> None:
    assert card(page, "Columns") == "2"
    assert card(page, "Target") == "32,000"
    assert "from 5,000 to 59,000" in page
    assert '"name">Classes<' not in page


def test_reasons_are_told_in_the_words_of_a_table(page: str) -> None:
    assert "breaks a rule of the schema" in page and "with a number far from all others" in page
    assert "Pictures are as they are stored" not in page


def test_the_target_is_drawn_in_place_of_classes() -> None:
    assert set(render(findings())[1]) == {"target", "distributions"}
    assert set(render(findings(numbers=None))[1]) == {"class_balance", "distributions"}


def test_a_table_without_numbers_has_no_histograms_of_them() -> None:
    words = pl.DataFrame({"id": table()["id"], "w": ["m"] * 60})
    columns = findings().columns[1:]
    assert set(render(findings(columns=columns, values=words))[1]) == {"target"}


def test_where_nothing_is_kept_there_is_still_a_page() -> None:
    page, drawn = render(findings(kept=table().clear()))
    assert drawn == {} and card(page, "Target") == "none"


def test_very_many_columns_make_a_small_page() -> None:
    rows = [(f"c{i}", "number", 0.0, "60", "0 … 1 … 2", "look" if i == 9_999 else "") for i in range(10_000)]
    values = table().select("id", *(pl.lit(float(i)).alias(f"c{i}") for i in range(50)))
    page, _ = render(findings(columns=pl.DataFrame(rows, schema=COLUMNS, orient="row"), values=values))
    assert len(page) < 300_000
    assert f"{MAX_ROWS} of 10,000, first those" in page and "<th>c9999</th>" in page
    assert f"These are the first {MAX_PANELS} of 10,000." in page


def test_the_same_findings_give_the_same_bytes(page: str) -> None:
    assert render(findings())[0] == page


@pytest.mark.parametrize(
    "numbers", [[], [None], [3.0], [1e-9, 2e-9], [1e300, -1e300], [0.001, 0.002, 1e6], [float("nan"), 1.0]]
)
def test_any_numbers_can_be_drawn(numbers: list[float | None]) -> None:
    values = pl.DataFrame({"id": [str(i) for i in range(len(numbers))], "x": pl.Series(numbers, dtype=pl.Float64)})
    assert column_panels(values, values["id"], ["x"])["x"].png()
    assert target_histogram(values["x"], values["x"].clear()).png()


def test_tiny_numbers_are_spread_over_the_whole_panel() -> None:
    values = pl.DataFrame({"id": ["a", "b"], "x": [1e-9, 9e-9]})
    panel = column_panels(values, values["id"], ["x"])["x"]
    red, green, blue = (int(KEPT[place : place + 2], 16) for place in (1, 3, 5))
    pixels = np.asarray(panel._image)
    places = np.flatnonzero((pixels == (red, green, blue)).all(axis=-1).any(axis=0))
    assert places[-1] - places[0] > 180 * SCALE
