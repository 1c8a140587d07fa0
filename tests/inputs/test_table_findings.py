"""Columns that need a decision, that give the target away, and rows far from the others are found; others are left alone."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from inputs.test_table_inference import TABLES, needs_tables

from dl_assets.artifacts.report import Check
from dl_assets.inputs._table.findings import column_checks, column_table
from dl_assets.inputs._table.inference import decide
from dl_assets.inputs._table.schema import Column, Schema
from dl_assets.inputs._table.survey import survey
from dl_assets.inputs._table.typed import apply

RNG = np.random.default_rng(0)
TARGETS = pl.Series(["cat", "dog"] * 200)
NUMBERS = pl.Series(RNG.normal(size=400))


def checks(cells: pl.DataFrame, targets: pl.Series, schema: Schema | None = None) -> dict[str, Check]:
    facts = survey([cells])
    used = schema or decide(facts)
    typed, _ = apply(used, cells)
    return {check.name: check for check in column_checks(used, typed.lazy(), targets, facts)}


def table(**columns: object) -> pl.DataFrame:
    beside = {"noise": RNG.integers(0, 9, 400), **columns}
    return pl.DataFrame(beside).select(pl.all().cast(pl.String))


# ---- columns -----------------------------------------------------------------------------------------------------


def test_ignored_columns_and_text_are_told_and_no_warning() -> None:
    check = checks(table(key=range(400), about=[f"some words {i}" for i in range(400)]), TARGETS)["columns"]
    assert check.passed and check.severity == "warning"
    assert "1 of 3 columns are used, not key (ignore: an identifier" in check.detail
    assert "about (text: 400 different words in 400 cells)" in check.detail


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        (["1"] * 200 + ["2"] * 190 + ["unknown"] * 10, "x has 'unknown' (10) among its numbers: `rename: {'unknown': null}`"),
        (["1"] * 200 + ["a"] * 200, "x has numbers (200) and words (200): is it a category, or a number?"),
        (["01/02/2024", "03/04/2024"] * 200, "x may have days or months first, and was read as MM/DD/YYYY"),
    ],
)
def test_what_somebody_must_decide_is_a_warning(cells: list[str], told: str) -> None:
    check = checks(table(x=cells), TARGETS)["columns"]
    assert (check.passed, check.value) == (False, 1)
    assert told in check.detail


def test_what_the_schema_file_says_is_decided() -> None:
    given = Schema((Column("noise", "number"), Column("x", "category")), Path("s.yaml"))
    assert checks(table(x=["1"] * 200 + ["a"] * 200), TARGETS, given)["columns"].passed


def test_new_columns_variants_and_columns_without_life_are_told_of_a_given_schema() -> None:
    given = Schema((Column("noise", "number"), Column("sex", "category"), Column("same", "number")), Path("s.yaml"))
    check = checks(table(sex=["m", "M", "m", "f"] * 100, same=[1] * 400, new=["a"] * 400), TARGETS, given)["columns"]
    assert check.value == 3
    for told in ("`rename: {M: m}`", "new is not in s.yaml", "same is the same in every row"):
        assert told in check.detail


def test_stray_spaces_are_told() -> None:
    assert "Spaces were cut off in x (200 cells)." in checks(table(x=["a ", "b"] * 200), TARGETS)["columns"].detail


# ---- leakage -----------------------------------------------------------------------------------------------------


def test_a_column_that_is_the_target_in_other_words_is_suspected() -> None:
    check = checks(table(died=["1", "0"] * 200, paw=["x", "y", None, "y"] * 100), TARGETS)["leakage"]
    assert not check.passed and check.value == 1.0
    assert "By itself predicts the target: died (1.000)" in check.detail


def test_a_category_that_knows_the_class_is_suspected_and_a_word_a_row_is_not() -> None:
    words = ["left", "right", "left", "middle"] * 100
    schema = Schema((Column("side", "category"), Column("key", "category")), Path("s.yaml"))
    cells = table(side=words, key=[f"k{i}" for i in range(400)])
    assert "side (1.000)" in (detail := checks(cells, TARGETS, schema)["leakage"].detail)
    assert "key" not in detail.partition(". If")[0]


def test_a_number_computed_from_the_target_is_suspected() -> None:
    targets = pl.Series(RNG.normal(size=4000))
    cells = pl.DataFrame({"double": targets * 2 + 1, "weak": targets + RNG.normal(size=4000)}).select(pl.all().cast(pl.String))
    check = checks(cells, targets)["leakage"]
    assert "double (1.000)" in check.detail and "weak" not in check.detail


def test_columns_of_chance_and_a_rare_class_are_not_suspected() -> None:
    rare = pl.Series(["yes"] * 8 + ["no"] * 392)
    assert checks(table(x=RNG.normal(size=400)), rare)["leakage"].passed
    assert checks(table(x=RNG.normal(size=400)), TARGETS)["leakage"].passed
    assert checks(table(x=NUMBERS), pl.Series(RNG.normal(size=400)))["leakage"].passed


def test_a_rare_class_that_a_column_knows_is_suspected() -> None:
    rare = pl.Series(["yes"] * 40 + ["no"] * 1960)
    cells = pl.DataFrame({"x": [1] * 40 + [0] * 1960, "y": RNG.normal(size=2000)}).select(pl.all().cast(pl.String))
    assert not checks(cells, rare)["leakage"].passed


def test_missing_values_and_empty_columns_can_be_judged() -> None:
    schema = Schema((Column("x", "number"), Column("y", "category")), Path("s.yaml"))
    cells = pl.DataFrame({"x": [None] * 400, "y": [None] * 400}, schema={"x": pl.String, "y": pl.String})
    assert checks(cells, TARGETS, schema)["leakage"].passed


@needs_tables
@pytest.mark.parametrize(
    ("name", "target"),
    [("titanic", "Survived"), ("penguins", "species"), ("mpg", "mpg"), ("california_housing", "median_house_value")],
)
def test_tables_that_are_in_order_have_no_warning(name: str, target: str) -> None:
    cells = pl.read_csv(TABLES / f"{name}.csv", infer_schema=False)
    targets = cells[target] if name in ("titanic", "penguins") else cells[target].cast(pl.Float64)
    assert all(check.passed for check in checks(cells.drop(target), targets).values())


# ---- the table of columns ----------------------------------------------------------------------------------------


def test_every_column_has_a_row_for_people() -> None:
    cells = pl.DataFrame({"n": ["1", "2", "4", None], "w": ["a", "b ", "b", "B"], "d": ["1970-01-02"] * 2 + ["1970-01-04"] * 2})
    cells = cells.with_columns(same=pl.lit("x"))
    facts = survey([cells])
    schema = decide(facts)
    assert column_table(schema, apply(schema, cells)[0].lazy(), facts).rows() == [
        ("n", "number", 0.25, "3", "1 … 2 … 4", ""),
        ("w", "category", 0.0, "2", "'b' (3), 'a' (1)", "spaces cut off in 1 cells; renamed {B: b}"),
        ("d", "date", 0.0, "2", "1970-01-02 … 1970-01-03 … 1970-01-04", ""),
        ("same", "ignore", 0.0, "1", "'x' (4)", "the same in every row: 'x'"),
    ]
