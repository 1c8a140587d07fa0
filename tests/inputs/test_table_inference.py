"""The kind of a column is worked out from its cells, in one pass, whatever the size of the portions."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dl_assets.errors import DataError
from dl_assets.inputs._table.inference import infer
from dl_assets.inputs._table.schema import Column
from dl_assets.inputs._table.survey import MAX_WORDS, survey
from dl_assets.inputs._table.typed import apply

TABLES = Path(__file__).parents[3] / "shared" / "data" / "tabular"
needs_tables = pytest.mark.skipif(
    not TABLES.is_dir(), reason="the tables are not here: they would be in ../shared/data/tabular"
)

SIZES = st.integers(1, 5)


def column(*cells: object, name: str = "x") -> Column:
    """Infer a column beside one that can be learnt from."""
    texts = pl.Series(name, [None if cell is None else str(cell) for cell in cells], dtype=pl.String)
    other = pl.Series("other", ["yes", "no"] * len(cells), dtype=pl.String).head(len(cells))
    return infer([pl.DataFrame([texts, other])]).columns[0]


def kinds(name: str, target: str) -> dict[str, str]:
    cells = pl.read_csv(TABLES / f"{name}.csv", infer_schema=False).drop(target)
    schema = infer([cells])
    typed, violations = apply(schema, cells)
    assert violations.is_empty() and typed.columns == [one.name for one in schema.used]
    return {one.name: one.kind for one in schema.columns}


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "2.5", "-3e2", None], "number"),
        (["0", "1", "1", "0"], "number"),
        ([" 1", "2 ", "3"], "number"),
        (["1", "2", "x"], "category"),
        (["1"] * 19 + ["2"] * 19 + ["x"], "number"),
        (["1,000", "2,000"], "category"),
        (["yes", "no"], "category"),
        (["true", "false", None], "category"),
        (["nan", "inf"], "category"),
        (["2024-01-01", "2024-02-01"], "date"),
        (["2024-01-01T10:00Z", "2024-02-01 11:30:00"], "date"),
        (["31.12.2024", "1.1.2025"], "date"),
        (["a", "a", None], "category"),
        (["a"] * 3, "ignore"),
        (["7"] * 3, "ignore"),
        ([None, " ", ""], "ignore"),
        ([f"some words {i}" for i in range(60)], "text"),
        ([f"word {i % 30}" for i in range(60)], "category"),
        ([f"w {i % 1001}" for i in range(4000)], "text"),
        ([f"w {i % 1000}" for i in range(4000)], "category"),
        ([f"{i * 7919 % 1000003:x}" + "-z" for i in range(60)], "ignore"),
        ([1000 + i for i in range(60)], "ignore"),
        ([i * 7 % 60 for i in range(60)], "ignore"),
        ([i * i for i in range(60)], "number"),
        ([i + 0.5 for i in range(60)], "number"),
        (list(range(10)), "number"),
    ],
)
def test_a_column_is_of_the_kind_that_its_cells_are(cells: list[object], kind: str) -> None:
    assert column(*cells).kind == kind


@pytest.mark.parametrize(
    ("name", "kind"), [("customer_id", "ignore"), ("CustomerId", "ignore"), ("paid", "number"), ("year", "number")]
)
def test_a_name_that_ends_in_id_tells_an_identifier(name: str, kind: str) -> None:
    assert column(*(i * i % 1_000_003 for i in range(60)), name=name).kind == kind


def test_years_that_count_up_are_no_identifier() -> None:
    assert column(*range(1900, 2000), name="year").kind == "number"


def test_why_a_column_is_ignored_is_said() -> None:
    assert column("a", "a").why == "the same in every row: 'a'"
    assert column(None, None).why == "missing in every row"
    assert column(*range(60)).why == "an identifier: it counts up with the rows"


def test_words_that_differ_in_case_are_renamed_to_the_commonest() -> None:
    found = column("male", "male ", "Male", "MALE", "female", "New  York", "New York", "New York")
    assert found.rename == {"MALE": "male", "Male": "male", "New  York": "New York"}


def test_dates_have_the_formats_that_the_data_shows() -> None:
    assert column("13/01/2024", "01/02/2024").formats == ("DD/MM/YYYY",)
    assert column(*["2024-01-01"] * 2, "2024-01-02", "1.2.2024").formats == ("YYYY-MM-DD", "DD.MM.YYYY")


@pytest.mark.parametrize("frames", [[], [pl.DataFrame({"x": pl.Series([], dtype=pl.String)})], [pl.DataFrame()]])
def test_a_table_without_rows_or_columns_is_an_error(frames: list[pl.DataFrame]) -> None:
    with pytest.raises(DataError, match="no rows, or no column"):
        infer(frames)


def test_a_table_of_which_nothing_can_be_learnt_is_an_error() -> None:
    with pytest.raises(
        DataError, match="No column of the table can be learnt from: x is ignore \\(the same in every row: 'a'\\)"
    ):
        infer([pl.DataFrame({"x": ["a", "a"]})])


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.sampled_from(["1", "2", " 3", "0.5", "x", "X", None, "", "2024-01-01", "a b"]), min_size=3), SIZES)
def test_what_is_counted_does_not_depend_on_the_portions(cells: list[str | None], size: int) -> None:
    frame = pl.DataFrame({"x": pl.Series(cells, dtype=pl.String)})
    assert survey(frame.iter_slices(size)) == survey([frame])


def test_repetitions_are_found_across_portions() -> None:
    cells = pl.DataFrame({"x": [f"{i:05}-q" for i in [*range(5_000), 17]]})
    assert [fact.repeats for fact in survey(cells.iter_slices(1_000))] == [True]
    assert [fact.repeats for fact in survey(cells.head(5_000).iter_slices(1_000))] == [False]


def test_of_many_different_words_only_that_there_are_many_is_kept() -> None:
    cells = pl.DataFrame({"x": [f"w {i}" for i in range(3 * MAX_WORDS)]})
    assert survey(cells.iter_slices(500))[0].words is survey([cells])[0].words is None


def test_parquet_is_read_in_portions(tmp_path: Path) -> None:
    numbers = np.arange(120_000)
    frame = pl.DataFrame({"n": numbers * 2, "w": numbers % 3}).select(pl.all().cast(pl.String))
    frame.write_parquet(tmp_path / "rows-00000.parquet")
    facts = survey(pl.scan_parquet(tmp_path / "rows-*.parquet"))
    assert [(fact.rows, fact.numbers, fact.is_rising) for fact in facts] == [
        (120_000, 120_000, True),
        (120_000, 120_000, False),
    ]
    assert facts[1].words == {"0": 40_000, "1": 40_000, "2": 40_000}


@needs_tables
def test_the_columns_of_the_titanic_are_understood() -> None:
    found = kinds("titanic", "Survived")
    assert {name for name, kind in found.items() if kind == "number"} == {"Pclass", "Age", "SibSp", "Parch", "Fare"}
    assert {name for name, kind in found.items() if kind == "category"} == {"Sex", "Embarked"}
    assert {name for name, kind in found.items() if kind == "text"} == {"Name", "Ticket", "Cabin"}
    assert found["PassengerId"] == "ignore"


@needs_tables
def test_the_columns_of_other_tables_are_understood() -> None:
    assert sorted(kinds("penguins", "species").values()) == ["category"] * 2 + ["number"] * 4
    assert sorted(kinds("mpg", "mpg").values()) == ["category"] + ["number"] * 6 + ["text"]
    assert sorted(kinds("california_housing", "median_house_value").values()) == ["category"] + ["number"] * 8
