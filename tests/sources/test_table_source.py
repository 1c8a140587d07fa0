"""A table comes as it was written, whatever kind of file it is in and wherever that lies."""

import datetime
import gzip
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from polars.testing import assert_frame_equal
from web import Web

from dl_assets.artifacts.raw import RawRows, Source
from dl_assets.errors import ConfigError, DataError
from dl_assets.sources.table import table, watched

PEOPLE = "name,age,income\nAda,36,yes\n  Bo ,,no\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, content: str | bytes) -> str:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    return name


def read(source: Source) -> RawRows:
    assert source.rows is not None
    frames = list(source.rows())
    return RawRows(pl.concat(some.found for some in frames), pl.concat(some.cells for some in frames))


def rows(path: Any, target: str = "income", **options: Any) -> list[tuple[Any, ...]]:
    return read(table(path=path, target=target, **options)).cells.rows()


def test_a_csv_file_gives_its_cells_as_text_with_their_spaces() -> None:
    source = table(path=write("people.csv", PEOPLE), target="income")
    found, cells = read(source)
    assert cells.to_dict(as_series=False) == {"name": ["Ada", "  Bo "], "age": ["36", None]}
    assert found.schema == pl.Schema(
        {
            **dict.fromkeys(("origin", "key", "target", "group"), pl.String),
            "time": pl.Datetime("us"),
            **dict.fromkeys(("part", "problem"), pl.String),
        }
    )
    assert found.select("origin", "key", "target", "problem").rows() == [
        ("people.csv:1", None, "yes", None),
        ("people.csv:2", None, "no", None),
    ]
    assert list(source.samples) == []
    assert set(cells.dtypes) == {pl.String}


def test_key_group_time_and_part_are_told_apart_from_the_cells() -> None:
    path = write("people.csv", "id,a,y,house,seen,set\nx1,1,2,h1,2026-01-31,Training\nx2,3,4,,1769860800,test\n")
    found, cells = read(table(path=path, target="y", id="id", group="house", time="seen", part="set"))
    assert cells.columns == ["a"]
    assert found["key"].to_list() == ["x1", "x2"]
    assert found["group"].to_list() == ["h1", None]
    assert found["time"].to_list() == [datetime.datetime(2026, 1, 31), datetime.datetime(2026, 1, 31, 12)]
    assert found["part"].to_list() == ["train", "test"]


def test_several_files_may_have_their_columns_in_any_order() -> None:
    paths = [write("jan.csv", "a,b,y\n1,2,3\n"), write("feb.csv", "y;b;a\n6;5;4\n")]
    found, cells = read(table(path=paths, target="y"))
    assert cells.rows() == [("1", "2"), ("4", "5")]
    assert cells.columns == ["a", "b"]
    assert found["origin"].to_list() == ["jan.csv:1", "feb.csv:1"]


def test_files_of_one_name_have_origins_with_their_folders() -> None:
    paths = [write("jan/x.csv", "a,y\n1,2\n"), write("feb/x.csv", "a,y\n1,2\n")]
    assert read(table(path=paths, target="y")).found["origin"].to_list() == ["jan/x.csv:1", "feb/x.csv:1"]


def test_a_column_that_a_further_file_lacks_is_named_with_the_file() -> None:
    paths = [write("jan.csv", "age,b,y\n1,2,3\n"), write("feb.csv", "Age,b,y\n1,2,3\n")]
    with pytest.raises(DataError, match=r"feb\.csv has no column 'age', did you mean 'Age'\?, which jan\.csv has"):
        table(path=paths, target="y")


def test_a_file_that_is_listed_twice_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"people\.csv is listed twice"):
        table(path=[write("people.csv", PEOPLE)] * 2, target="income")


def test_parquet_gives_the_text_that_its_values_have() -> None:
    pl.DataFrame(
        {
            "whole": [1, None],
            "number": [0.1, float("nan")],
            "truth": [True, False],
            "day": [datetime.date(2026, 1, 31), None],
            "moment": [datetime.datetime(2026, 1, 31, 12, tzinfo=datetime.UTC)] * 2,
            "list": [[1], [2]],
            "y": ["a", "b"],
        }
    ).write_parquet("people.parquet")
    source = table(path="people.parquet", target="y")
    assert source.description["num_samples"] == 2
    assert source.description["files"][0]["columns_left_out"] == {"list": "List(Int64)"}
    moment = "2026-01-31 12:00:00.000000"
    assert read(source).cells.rows() == [("1", "0.1", "true", "2026-01-31", moment), (None, None, "false", None, moment)]


def test_json_lines_keep_the_digits_of_their_numbers() -> None:
    path = write("people.jsonl", '{"a": 1.50, "y": "q"}\n\n{"y": "r", "b": true, "a": null}\n')
    source = table(path=path, target="y")
    assert source.description["num_samples"] == 2
    assert read(source).cells.rows() == [("1.50", None), (None, "true")]


def test_a_workbook_gives_its_first_sheet_that_holds_anything() -> None:
    book = openpyxl.Workbook()
    sheet = book.create_sheet("people")
    for row in (["name", "age", "born", "y"], ["Ada", 36, datetime.date(1990, 1, 31), "yes"], [], ["Bo", "old", None, "no"]):
        sheet.append(row)
    book.create_sheet("notes")["A1"] = "note"
    book.save("people.xlsx")
    source = table(path="people.xlsx", target="y")
    assert source.description["files"][0]["sheet"] == "people"
    assert source.description["files"][0]["other_sheets"] == ["Sheet", "notes"]
    assert read(source).cells.rows() == [("Ada", "36", "1990-01-31 00:00:00"), ("Bo", "old", None)]
    with pytest.raises(ConfigError, match=r"people\.xlsx has no sheet 'peple', did you mean 'people'\? Its sheets: Sheet"):
        table(path="people.xlsx", target="y", sheet="peple")


@pytest.mark.parametrize("name", ["people.csv", "people.tsv.gz", "people.parquet", "people.jsonl"])
def test_a_table_on_a_web_server_is_read_as_one_on_this_machine(web: Web, name: str) -> None:
    contents = {
        "people.csv": PEOPLE.encode(),
        "people.tsv.gz": gzip.compress(PEOPLE.replace(",", "\t").encode()),
        "people.jsonl": b'{"name": "Ada", "age": 36, "income": "yes"}\n{"name": "  Bo ", "income": "no"}',
    }
    if name in contents:
        (web.root / name).write_bytes(contents[name])
    else:
        pl.read_csv(PEOPLE.encode()).write_parquet(web.root / name)
    assert rows(f"{web.url}/{name}") == [("Ada", "36"), ("  Bo ", None)]


def test_a_table_is_read_from_any_file_system_that_fsspec_knows(memory: MemoryFileSystem) -> None:
    memory.pipe_file("/bucket/people.csv", PEOPLE.encode())
    source = table(path="memory://bucket/people.csv", target="income")
    assert read(source).found["origin"].to_list() == ["people.csv:1", "people.csv:2"]


def test_a_table_that_is_not_there_is_told_where_it_was_looked_for(folder: Path, web: Web) -> None:
    with pytest.raises(DataError, match=f"people.csv does not exist .looked in {folder}"):
        table(path="people.csv", target="y")
    with pytest.raises(DataError, match=r"nothing\.csv does not exist"):
        table(path=f"{web.url}/nothing.csv", target="y")
    with pytest.raises(DataError, match=r"is a folder\. Name the file in it"):
        table(path=str(folder), target="y")


def test_frames_have_at_most_fifty_thousand_rows_and_the_same_columns() -> None:
    source = table(path=write("many.csv", "a,y\n" + "1,2\n" * 120_001), target="y")
    assert source.rows is not None
    frames = list(source.rows())
    assert [len(some.found) for some in frames] == [50_000, 50_000, 20_001]
    assert frames[-1].found["origin"][-1] == "many.csv:120001"
    assert source.description["files"][0]["rows"] == 120_001


def test_the_rows_can_be_read_again_and_are_counted_anew() -> None:
    source = table(path=write("people.csv", PEOPLE), target="income")
    first, second = read(source), read(source)
    assert_frame_equal(first.cells, second.cells)
    assert source.description["missing"] == {"empty": 1}
    assert source.description["files"][0]["rows"] == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "neither a file nor a database"),
        ({"path": "a.csv", "url": "sqlite:///x.db"}, "one or the other"),
        ({"url": "sqlite:///x.db"}, "source.query is missing"),
        ({"path": "a.docx"}, "must end in one of .csv"),
    ],
)
def test_a_source_that_is_no_table_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        table(target="y", **options)


@pytest.mark.parametrize(
    ("path", "places"),
    [
        ("a.csv", ("a.csv",)),
        (["a.csv", "b.csv"], ("a.csv", "b.csv")),
        (["in/a.csv", "./in/b.csv", "in/more/c.csv"], ("in",)),
        (["a.csv", "in/b.csv", "in/c.csv"], ("a.csv", "in/b.csv", "in/c.csv")),  # their folder holds data/ too
        (["https://host/a.csv", "b.csv"], ("b.csv",)),
        (None, ()),
    ],
)
def test_files_are_watched_and_of_more_than_two_their_folder(path: Any, places: tuple[str, ...]) -> None:
    assert watched(path=path, target="y", url=None) == places
