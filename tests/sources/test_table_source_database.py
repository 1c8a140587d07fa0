"""What a query yields is a table like any other, and no password is ever written down."""

import datetime
import decimal
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from postgresql import PASSWORD, server

from dl_assets.artifacts.raw import RawRows
from dl_assets.errors import ConfigError, DataError
from dl_assets.sources._table.database import as_text
from dl_assets.sources.table import table, watched

PEOPLE = "CREATE TABLE people (id INTEGER, name TEXT, age REAL, target TEXT)"
ROWS = [(1, "Ada", 36.5, "yes"), (2, None, None, "no"), (3, " Bo, Cy ", 7.0, "yes")]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def sqlite() -> str:
    with sqlite3.connect("people.db") as connection:
        connection.execute(PEOPLE)
        connection.executemany("INSERT INTO people VALUES (?, ?, ?, ?)", ROWS)
    connection.close()
    return "sqlite:///people.db"


def read(**options: Any) -> RawRows:
    source = table(**{"target": "target", **options})
    assert source.rows is not None
    frames = list(source.rows())
    return RawRows(pl.concat(some.found for some in frames), pl.concat(some.cells for some in frames))


def test_a_query_of_sqlite_gives_the_text_of_its_values(sqlite: str) -> None:
    found, cells = read(url=sqlite, query="SELECT * FROM people ORDER BY id", id="id")
    assert cells.rows() == [("Ada", "36.5"), (None, None), (" Bo, Cy ", "7.0")]
    assert found.select("origin", "key", "target").rows() == [
        ("query:1", "1", "yes"),
        ("query:2", "2", "no"),
        ("query:3", "3", "yes"),
    ]


def test_the_name_of_a_table_is_a_query_for_all_of_it(sqlite: str) -> None:
    assert len(read(url=sqlite, query="people").cells) == 3


def test_a_colon_or_percent_sign_in_a_query_is_a_character(sqlite: str) -> None:
    query = "SELECT ':x' AS a, '1::2' AS b, '50% %s' AS c, target FROM people"
    assert read(url=sqlite, query=query).cells.row(0) == (":x", "1::2", "50% %s")


def test_many_rows_come_in_frames_with_origins_that_go_on(sqlite: str) -> None:
    query = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25000) "
        "SELECT i AS id, i * 2 AS a, 'x' AS target FROM n"
    )
    found, cells = read(url=sqlite, query=query, id="id")
    assert found["origin"][-1] == "query:25000"
    assert cells["a"].to_list() == [str(number * 2) for number in range(1, 25001)]


@pytest.mark.parametrize(
    ("url", "query", "message"),
    [
        (
            "sqlite:///people.db",
            "SELECT * FROM persons",
            "sqlite:///people.db does not answer the query .no such table: persons",
        ),
        ("sqlite:///people.db", "SELECT name, name, target FROM people", "2 column names|column names more than once: name"),
        ("sqlite:///people.db", "SELECT * FROM people WHERE id > 9", "has a header, and no rows below it"),
        ("sqlite:///other.db", "people", "there is no database file 'other.db'"),
    ],
)
def test_a_query_that_cannot_be_answered_is_told_with_its_reason(sqlite: str, url: str, query: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(url=url, query=query)
    assert not Path("other.db").exists()


@pytest.mark.parametrize(
    ("url", "query", "message"),
    [
        ("sqlite:///people.db", "SELECT * FROM people", r"has no column 'traget', did you mean 'target'\?"),
        ("sqlite:///people.db", "CREATE TABLE x (a)", "yields no rows. Write a SELECT"),
        ("people.db", "people", "'people.db' is no URL of a database"),
        ("nosuchsql://host/x", "people", "Begin with sqlite:///"),
        ("mysql+mysqldb://host/x", "people", "needs a driver"),
    ],
)
def test_a_wrong_option_is_told_with_a_remedy(sqlite: str, url: str, query: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read(url=url, query=query, target="traget")


def test_a_password_is_refused_where_it_is_written_out_and_not_repeated() -> None:
    for url in ("postgresql://ada:hunter2@host/db", "postgresql://host/db?password=hunter2"):
        with pytest.raises(ConfigError, match=r"a password is written in it.*\$\{PASSWORD\}@host") as raised:
            table(url=url, query="people", target="y")
        assert "hunter2" not in str(raised.value)


def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DB_PASSWORD", raising=False)
    with pytest.raises(ConfigError, match="the environment variable DB_PASSWORD is not set"):
        table(url="postgresql://ada:${DB_PASSWORD}@host/db", query="people", target="y")


def test_nothing_of_a_database_is_watched() -> None:
    assert watched(url="sqlite:///people.db", query="people", target="y") == ()


def test_every_kind_of_value_has_a_text() -> None:
    zone = datetime.timezone(datetime.timedelta(hours=2))
    values = [
        datetime.datetime(2026, 1, 31, 14, tzinfo=zone),
        datetime.date(2026, 1, 31),
        datetime.timedelta(minutes=1),
        decimal.Decimal("1.50"),
        [1, "a"],
        False,
    ]
    assert [as_text(value) for value in values] == ["2026-01-31 12:00:00", "2026-01-31", "60.0", "1.50", '[1, "a"]', "false"]


# ---- PostgreSQL ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    """The URL of a server of our own; it holds the variable that the password is in."""
    with server() as port:
        yield f"postgresql://ada:${{DL_TEST_PASSWORD}}@127.0.0.1:{port}/postgres"


VALUES = """
SELECT i AS id, i / 4.0::float8 AS number, (i * 1.10)::numeric(9, 2) AS price, i % 2 = 0 AS even, DATE '2026-01-31' + i AS day,
       TIMESTAMPTZ '2026-01-31 14:00+02' AS moment, '{"a": 1}'::jsonb AS extra, 'é, "' AS word, NULL AS nothing,
       CASE WHEN i % 3 = 0 THEN 'fizz' ELSE 'none' END AS target
FROM generate_series(1, 30000) AS i ORDER BY i
"""


def test_a_query_of_postgresql_gives_the_text_of_its_values(postgresql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DL_TEST_PASSWORD", PASSWORD)
    source = table(url=postgresql, query=VALUES, target="target", id="id")
    assert source.rows is not None
    frames = list(source.rows())
    assert sum(len(some.cells) for some in frames) == 30_000
    moment = "2026-01-31 12:00:00"
    assert frames[0].cells.row(0) == ("0.25", "1.10", "false", "2026-02-01", moment, '{"a": 1}', 'é, "', None)
    assert frames[-1].found.row(-1)[:3] == ("query:30000", "30000", "fizz")
    assert PASSWORD not in json.dumps(source.description)
    assert source.description["uri"] == postgresql


def test_what_postgresql_answers_is_told_without_the_password(postgresql: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DL_TEST_PASSWORD", PASSWORD)
    with pytest.raises(DataError, match='relation "nothing" does not exist') as raised:
        table(url=postgresql, query="nothing", target="y")
    assert PASSWORD not in str(raised.value)
    monkeypatch.setenv("DL_TEST_PASSWORD", "wrong-secret")
    with pytest.raises(DataError, match=r"does not answer the query \(.*password authentication failed") as raised:
        table(url=postgresql, query="nothing", target="y")
    assert "wrong-secret" not in str(raised.value)
