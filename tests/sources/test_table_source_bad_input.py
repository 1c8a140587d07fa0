"""No cell ever lands in a column that is not its own: what cannot be read is an error, or a row that is lost and counted."""

import csv
import io
import os
import random
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dl_assets.artifacts.raw import RawRows
from dl_assets.errors import ConfigError, DataError, UserError
from dl_assets.sources._table.careful import MISPLACED, UNCLOSED
from dl_assets.sources.table import table


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(content: str | bytes, name: str = "t.csv", **options: Any) -> RawRows:
    Path(name).write_bytes(content.encode() if isinstance(content, str) else content)
    source = table(path=name, **{"target": "y", **options})
    assert source.rows is not None
    frames = list(source.rows())
    return RawRows(pl.concat(some.found for some in frames), pl.concat(some.cells for some in frames))


def lost(rows: RawRows) -> dict[str, str]:
    return dict(rows.found.filter(pl.col("problem").is_not_null()).select("origin", "problem").iter_rows())


def test_rows_with_too_many_or_too_few_fields_are_lost_and_those_around_them_are_not_shifted() -> None:
    rows = read("a,b,y\n1,2,3\n1,2\n1,2,3,4\n\n5,6,7\n")
    assert lost(rows) == {"t.csv:2": "2 fields where the header has 3", "t.csv:3": "4 fields where the header has 3"}
    assert rows.cells.rows() == [("1", "2"), (None, None), (None, None), ("5", "6")]
    assert rows.found["target"].to_list() == ["3", None, None, "7"]
    assert rows.found["origin"].to_list() == ["t.csv:1", "t.csv:2", "t.csv:3", "t.csv:4"]


def test_lost_rows_are_counted_and_need_no_key() -> None:
    Path("t.csv").write_text("id,a,y\nx,1,2\nx\nz,3,4\n")
    source = table(path="t.csv", target="y", id="id")
    assert source.rows is not None
    assert next(source.rows()).found["key"].to_list() == ["x", None, "z"]
    assert source.description["files"][0]["lost_rows"] == 1
    assert source.description["missing"] == {}


def test_a_quoted_cell_may_hold_line_breaks_delimiters_and_quotes() -> None:
    rows = read('a,b,y\r\n"x\r\ny","p,q",3\r\n"say ""hi""","",4\r\n')
    assert rows.cells.rows() == [("x\r\ny", "p,q"), ('say "hi"', None)]
    assert rows.found["origin"].to_list() == ["t.csv:1", "t.csv:2"]


def test_an_inch_mark_in_a_cell_without_quotes_is_a_character() -> None:
    assert read('a,y\n5" nail,1\n6" nail,2\n').cells.rows() == [('5" nail',), ('6" nail',)]


def test_a_quote_that_is_never_closed_costs_one_row() -> None:
    rows = read('a,b,y\n1,2,3\n"1,2,3\n4,5,6\n')
    assert lost(rows) == {"t.csv:2": UNCLOSED}
    assert rows.cells.rows() == [("1", "2"), (None, None), ("4", "5")]


def test_a_quote_that_a_later_quote_seems_to_close_costs_one_row() -> None:
    rows = read('a,b,y\n"1,2,3\n"x","y",6\n7,8,9\n')
    assert lost(rows) == {"t.csv:1": MISPLACED}
    assert rows.cells.rows() == [(None, None), ("x", "y"), ("7", "8")]


def test_a_quote_that_is_not_closed_does_not_swallow_megabytes() -> None:
    rows = read('a,y\n"x,1\n' + "abcdefgh,1\n" * 1_000_000)
    assert lost(rows) == {"t.csv:1": UNCLOSED}
    assert len(rows.cells) == 1_000_001


def test_a_cell_longer_than_a_block_is_read_whole() -> None:
    long = "x" * 10_000_000
    assert read(f'a,y\n"{long}",1\n2,3\n{long},4\n').cells["a"].to_list() == [long, "2", long]


def test_a_nul_byte_costs_the_row_that_it_is_in() -> None:
    rows = read(b"a,y\n1\0,2\n3,4\n")
    assert lost(rows) == {"t.csv:1": "a NUL byte is in this row"}
    assert rows.cells.rows() == [(None,), ("3",)]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_lines_may_end_in_any_way_and_the_last_not_at_all(ending: str) -> None:
    rows = read(ending.join(["a,y", "1,2", "", "3,4"]))
    assert (rows.cells.rows(), rows.found["target"].to_list()) == ([("1",), ("3",)], ["2", "4"])


def test_the_cells_are_those_that_the_csv_module_reads() -> None:
    rng = random.Random(17)
    pieces = ["", "x", ",", '"', "\n", "\r\n", " ", ";", "1,5", "\u00e9", "#", "'", "\t"]
    table_rows = [["".join(rng.choices(pieces, k=rng.randrange(5))) for _ in range(4)] for _ in range(3000)]
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([["a", "b", "c", "y"], *table_rows])
    cells = read(text.getvalue(), missing=[], decimal=".").cells
    expected = [tuple(value if value.strip() else None for value in row[:3]) for row in table_rows]
    assert cells.rows() == expected


def test_noise_among_quotes_never_moves_a_cell_into_another_column() -> None:
    rng = random.Random(17)
    clean = [f'a{row},"b,{row}","c\n{row}",y' for row in range(2000)]
    broken = [line if rng.random() < 0.98 else line.replace('"', "", 1) for line in clean]
    rows = read("a,b,c,y\n" + "\n".join(broken) + "\n")
    kept = rows.cells.filter(rows.found["problem"].is_null())
    number = kept["a"].str.slice(1)
    in_place = (kept["b"] == "b," + number) & (kept["c"] == "c\n" + number)
    assert 1900 < len(kept) < 2000
    assert in_place.all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b,a,b,y\n1,2,3,4,5\n", r"2 column names more than once: a, b \(columns 1, 3 are 'a'\)"),
        ("", r"t\.csv is empty"),
        ("\n \n", r"t\.csv is empty"),
        ("a,y\n", "has a header, and no rows below it"),
        ("a,y\n\n\n", "has a header, and no rows below it"),
        ("a,Y\n1,2\n", r"no column 'y', did you mean 'Y'\? Its columns: a, Y"),
        ("y\n1\n", "the first row of t.csv has no comma, semicolon, tab, pipe"),
        ('a,"y\n1,2\n', "the header of t.csv cannot be read: a quote is opened"),
        (b"PK\3\4" + bytes(range(256)) * 20, "is no text: .* control characters"),
        ("a,y\nx,1\n".encode("utf-16-le"), "write encoding: utf-16-le"),
    ],
)
def test_what_is_no_table_is_refused_with_a_reason(content: str | bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read(content)


def test_random_bytes_are_refused() -> None:
    with pytest.raises(DataError, match="is no text"):
        read(os.urandom(100_000))


@pytest.mark.parametrize("name", ["t.parquet", "t.xlsx", "t.csv.gz", "t.jsonl"])
def test_a_file_that_is_not_what_its_name_says_is_refused(name: str) -> None:
    with pytest.raises(DataError, match=f"{name} "):
        read("a,y\n1,2\n", name)


def test_a_column_without_a_name_is_called_by_its_number_and_told_of() -> None:
    Path("t.csv").write_text(",a,y\n0,1,2\n")
    source = table(path="t.csv", target="y")
    assert source.description["files"][0]["columns_without_name"] == ["column_1"]
    assert read(",a,y\n0,1,2\n").cells.columns == ["column_1", "a"]


def test_names_of_columns_have_no_spaces_around_them() -> None:
    assert read(" a , y\n1,2\n").cells.columns == ["a"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("id,a,y\n1,2,3\n2,2,3\n1,3,4\n", r"the key '1' \(column 'id'\) is that of t.csv:1 and of t.csv:3; 2 rows"),
        ("id,a,y\n1,2,3\n,3,4\n , 3,4\n", "the column 'id' is empty in t.csv:2, t.csv:3"),
    ],
)
def test_a_key_that_is_missing_or_comes_twice_is_told_with_its_rows(content: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(content, id="id")


def test_a_time_or_part_that_nobody_understands_is_told_with_its_row() -> None:
    with pytest.raises(DataError, match=r"source\.time: t\.csv:2, column 't': 'soon' is neither a date"):
        read("t,a,y\n2026-01-31,1,2\nsoon,1,2\n", time="t")
    with pytest.raises(DataError, match=r"source\.part: t\.csv:1, column 't': 'holdout' is no part"):
        read("t,a,y\nholdout,1,2\n", part="t")


def test_a_role_that_is_no_column_and_a_table_without_cells_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"source\.group: t\.csv has no column 'hose', did you mean 'house'\?"):
        read("house,a,y\n1,2,3\n", group="hose")
    with pytest.raises(DataError, match="no column beside y, id, so there is nothing to learn from"):
        read("id,y\n1,2\n", id="id")
    with pytest.raises(ConfigError, match="'y' is also the group"):
        read("a,y\n1,2\n", group="y")


def test_ten_thousand_columns_are_read_in_seconds() -> None:
    names = ",".join([*(f"c{number}" for number in range(9999)), "y"])
    line = ",".join(str(number % 10) for number in range(10_000))
    started = time.perf_counter()
    rows = read("\n".join([names, *[line] * 200]))
    assert rows.cells.shape == (200, 9999)
    assert time.perf_counter() - started < 60


def test_a_broken_line_of_json_is_lost_and_counted() -> None:
    rows = read('{"a": 1, "y": "q"}\n{"a": 1, "a": 2}\n[1]\n{"a": \n', "t.jsonl")
    assert list(lost(rows)) == ["t.jsonl:2", "t.jsonl:3", "t.jsonl:4"]
    assert rows.cells["a"].to_list() == ["1", None, None, None]
