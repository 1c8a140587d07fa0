"""A table is named on the command line as the user thinks of it, and its target is a column that it has."""

import sqlite3
from pathlib import Path

import pytest

from dl_assets.errors import ConfigError, DataError
from dl_assets.operations.new_source import source_section
from dl_assets.operations.new_table_source import look_at_rows, table_section

PEOPLE = "name;age;y\nAda;36,5;1\nBo;7,0;0\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "people.csv").write_text(PEOPLE)
    with sqlite3.connect(tmp_path / "people.db") as connection:
        connection.execute("CREATE TABLE people AS SELECT 1 AS age, 'yes' AS y")
    connection.close()
    return tmp_path


def test_a_file_keeps_the_path_that_the_user_wrote(root: Path) -> None:
    section = table_section("in/people.csv", "y", "people", root)
    assert section == {"kind": "table", "path": "in/people.csv", "target": "y"}
    num_samples, first = look_at_rows(section, root)
    assert num_samples == 2
    assert first.cells.rows() == [("Ada", "36.5"), ("Bo", "7.0")]


def test_a_list_of_files_can_be_looked_at(root: Path) -> None:
    (root / "more.csv").write_text("age,name,y\n1,Cy,1\n")
    assert look_at_rows({"kind": "table", "path": ["in/people.csv", "more.csv"], "target": "y"}, root)[0] == 3


@pytest.mark.parametrize(
    "source", ["sqlite:///people.db", "sqlite:///people.db#people", "sqlite:///people.db#SELECT * FROM people"]
)
def test_a_database_is_named_by_its_url_and_the_table_or_query_behind_it(root: Path, source: str) -> None:
    section = table_section(source, "y", "people", root)
    assert section == {
        "kind": "table",
        "url": "sqlite:///people.db",
        "query": source.partition("#")[2] or "people",
        "target": "y",
    }
    assert look_at_rows(section, root)[0] == 1


def test_a_database_with_several_tables_must_be_asked_for_one(root: Path) -> None:
    with sqlite3.connect(root / "people.db") as connection:
        connection.execute("CREATE TABLE houses (a)")
    connection.close()
    with pytest.raises(ConfigError, match=r"has the tables houses, people\..*sqlite:///people\.db#people"):
        table_section("sqlite:///people.db", "y", "people", root)


def test_a_built_in_table_needs_no_target(root: Path) -> None:
    section = table_section("diabetes", None, "diabetes", root)
    assert section == {"kind": "builtin", "name": "diabetes"}
    assert look_at_rows(section, root)[0] == 442
    with pytest.raises(ConfigError, match="Leave --target away"):
        table_section("diabetes", "y", "diabetes", root)


@pytest.mark.parametrize("source", ["in/people.csv", "sqlite:///people.db"])
def test_a_target_that_is_not_told_or_not_there_is_refused_with_the_columns(root: Path, source: str) -> None:
    with pytest.raises(ConfigError, match=r"--target COLUMN.*age, y"):
        table_section(source, None, "people", root)
    with pytest.raises(ConfigError, match=r"has no column 'aeg', did you mean 'age'\?"):
        table_section(source, "aeg", "people", root)


def test_a_source_that_is_not_there_is_told_with_what_could_be_meant(root: Path) -> None:
    with pytest.raises(DataError, match=r"There is no file 'diabets'.*did you mean 'diabetes'\?"):
        table_section("diabets", "y", "people", root)
    with pytest.raises(DataError, match="is a folder"):
        table_section("in", "y", "people", root)


def test_a_table_for_a_task_of_pictures_is_refused(root: Path) -> None:
    with pytest.raises(ConfigError, match="'diabetes' is a table"):
        source_section("diabetes", "diabetes", root)
