"""A schema file says what the columns hold; what breaks it is told row by row, and mistakes in the file with their lines."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dl_assets.errors import ConfigError, DataError
from dl_assets.inputs._table.schema import Column, Schema, to_pandera
from dl_assets.inputs._table.schema_file import read_schema, write_schema
from dl_assets.inputs._table.typed import apply, missing_shares, unknown_columns

PEOPLE = """\
columns:
  age: {kind: number, minimum: 0, maximum: 120, nullable: false}
  born: {kind: date, minimum: 1900-01-01, formats: [YYYY-MM-DD, DD.MM.YYYY]}
  sex: {kind: category, allowed: [male, female], rename: {Male: male, unknown: null}}
  name: {kind: text}
  id: {kind: ignore, why: counts up}
"""
CELLS = pl.DataFrame(
    {
        "id": ["1", "2", "3", "4"],
        "age": [" 30 ", "-5", "abc", None],
        "born": ["1990-12-31", "1.2.1991", "1890-01-01", "yesterday"],
        "sex": ["Male", " female", "unknown", "other"],
        "name": ["Ann", "Bob", "Cy", "Di"],
    }
)


def written(folder: Path, text: str) -> Path:
    path = folder / "people.yaml"
    path.write_text(text)
    return path


@pytest.fixture
def people(tmp_path: Path) -> Schema:
    return read_schema(written(tmp_path, PEOPLE))


def test_used_columns_are_typed_and_spaces_cut_off(people: Schema) -> None:
    typed, _ = apply(people, CELLS)
    assert typed.schema == {"age": pl.Float64, "born": pl.Float64, "sex": pl.String}
    assert typed["age"].to_list() == [30.0, -5.0, None, None]
    assert typed["born"].to_list() == [7669.0, 7701.0, -29219.0, None]
    assert typed["sex"].to_list() == ["male", "female", None, "other"]


def test_every_broken_rule_is_told_with_row_column_and_value(people: Schema) -> None:
    _, violations = apply(people, CELLS)
    assert violations.rows() == [
        (1, "age", "-5", "'-5' is below the minimum 0"),
        (2, "age", "abc", "'abc' is no number"),
        (2, "born", "1890-01-01", "'1890-01-01' is below the minimum 1900-01-01"),
        (3, "age", None, "the cell is missing"),
        (3, "born", "yesterday", "'yesterday' is no date of the form YYYY-MM-DD or DD.MM.YYYY"),
        (3, "sex", "other", "'other' is none of the allowed words: male, female"),
    ]


def test_rows_that_keep_the_rules_have_no_violations(people: Schema) -> None:
    _, violations = apply(people, CELLS.head(1))
    assert violations.rows() == [] and violations.columns == ["row", "column", "value", "rule"]


@pytest.mark.parametrize("cell", ["inf", "nan", "-Infinity", "1,000", "0x10", "1_000", "١"])
def test_what_is_no_finite_decimal_number_is_a_violation(cell: str) -> None:
    typed, violations = apply(Schema((Column("x", "number"),)), pl.DataFrame({"x": ["1", cell]}))
    assert typed["x"].to_list() == [1.0, None]
    assert violations["rule"].to_list() == [f"'{cell}' is no number"]


def test_a_table_without_rows_is_typed(people: Schema) -> None:
    typed, violations = apply(people, CELLS.clear())
    assert len(typed) == len(violations) == 0


def test_a_missing_column_is_told_with_what_it_may_be_now(people: Schema) -> None:
    with pytest.raises(DataError, match=r"lacks 2 of the columns.*'age' \(renamed to 'Age'\?\), 'sex'.*dl schema NAME --infer"):
        apply(people, CELLS.rename({"age": "Age"}).drop("sex"))


def test_ignored_columns_may_be_missing_and_new_ones_are_named(people: Schema) -> None:
    cells = CELLS.drop("id", "name").with_columns(new=pl.lit("x"))
    assert apply(people, cells)[0].columns == ["age", "born", "sex"]
    assert unknown_columns(people, cells.columns) == ["new"]


def test_the_typed_table_is_held_to_a_pandera_schema(people: Schema) -> None:
    schema: Any = to_pandera(people)
    assert list(schema.columns) == ["age", "born", "sex"]
    schema.validate(apply(people, CELLS.head(1))[0])


def test_a_schema_is_read_as_it_was_written(tmp_path: Path, people: Schema) -> None:
    write_schema(tmp_path / "again.yaml", people)
    assert read_schema(tmp_path / "again.yaml") == people
    assert "# kind " in (tmp_path / "again.yaml").read_text()


@pytest.mark.parametrize("name", ["yes", "null", "1", "1.5", "", "a: b", "# c", "ü\n", "'", "{", "~", "2024-01-01"])
def test_a_column_may_have_any_name(tmp_path: Path, name: str) -> None:
    schema = Schema((Column(name, "category", rename={name: "x"}, allowed=("x", name)),))
    write_schema(tmp_path / "s.yaml", schema)
    assert read_schema(tmp_path / "s.yaml") == schema


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("a: {kind: nunber}", "columns.a.kind is 'nunber', did you mean 'number'?"),
        ("a: {kind: number, nulable: false}", "columns.a.nulable is not known here, did you mean 'nullable'?"),
        ("a: {nullable: true}", "columns.a.kind is missing"),
        ("a: number", "columns.a is 'number', but must be a mapping such as {kind: number}"),
        ("a: {kind: category, minimum: 3}", "columns.a has `minimum`, which is for the kind number or date"),
        ("a: {kind: number, minimum: 3, maximum: 2}", "columns.a has minimum 3.0 and maximum 2.0"),
        ("a: {kind: number, minimum: 0, maximum: low}", "columns.a has maximum 'low', but it must be a number"),
        (
            "a: {kind: date, minimum: 31.12.1990}",
            "columns.a has minimum '31.12.1990', but it must be a date such as 1990-12-31",
        ),
        ("a: {kind: date, formats: [DD.MM]}", "columns.a.formats[0] is 'DD.MM', did you mean 'DD.MM.YYYY'?"),
        ("a: {kind: category, allowed: [x, 1]}", "columns.a.allowed[1] is 1, but must be text"),
        ("a: {kind: category, allowed: [x], rename: {y: z}}", "columns.a renames to 'z', which is not in `allowed`"),
        ("7: {kind: number}", "columns[7] is 7, but a name is text: put it in quotes"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, line: str, told: str) -> None:
    path = written(tmp_path, f"# first\ncolumns:\n  {line}\n  b: {{kind: number}}\n")
    with pytest.raises(ConfigError) as error:
        read_schema(path)
    assert str(error.value).startswith(f"{path}:3: {told}")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty with the key `columns`"),
        ("[1]", "must be a mapping"),
        ("columns:\n", "columns is nothing, but must be a mapping"),
        ("colums: {a: {kind: number}}", "colums is not known here, did you mean 'columns'?"),
        ("columns: {a: {kind: text}}", "have no number, category or date among them"),
        ("columns: {a: {kind: text}, a: {kind: text}}", "'a' is written twice"),
        ("columns: {a", "not valid YAML"),
    ],
)
def test_a_file_that_is_no_schema_is_told(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(ConfigError) as error:
        read_schema(written(tmp_path, text))
    assert told in str(error.value)


def test_every_mistake_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"has 3 problems"):
        read_schema(written(tmp_path, "columns:\n  a: {kind: x}\n  b: {kind: y}\nz: 1\n"))


def test_a_missing_file_is_told_with_the_command_that_writes_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"does not exist.*dl schema NAME --infer"):
        read_schema(tmp_path / "none.yaml")


def test_missing_shares_are_told_most_first() -> None:
    values = pl.DataFrame({"a": [1.0, None], "b": ["x", "y"], "c": [None, None]}, schema_overrides={"c": pl.Float64})
    assert missing_shares(values).rows() == [("c", 1.0), ("a", 0.5), ("b", 0.0)]


def test_rules_hold_for_the_last_of_many_columns() -> None:
    schema = Schema(tuple(Column(f"c{place}", "number", minimum=0) for place in range(120)))
    _, violations = apply(schema, pl.DataFrame({f"c{place}": ["-1" if place == 119 else "1"] for place in range(120)}))
    assert violations.rows() == [(0, "c119", "-1", "'-1' is below the minimum 0")]
