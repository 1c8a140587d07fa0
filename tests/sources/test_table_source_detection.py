"""What is detected of a table is told, and can be said otherwise."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dl_assets.errors import ConfigError, DataError
from dl_assets.sources.table import table


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(content: str | bytes, **options: Any) -> tuple[list[tuple[Any, ...]], dict[str, Any]]:
    """Return the cells, and the description with that of the only file in it."""
    Path("t.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    source = table(path="t.csv", **{"target": "y", **options})
    assert source.rows is not None
    cells = pl.concat(some.cells for some in source.rows()).rows()
    return cells, {**source.description, **source.description["files"][0]}


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_delimiter_is_detected_although_cells_hold_the_others(mark: str) -> None:
    others = "".join({",", ";", "\t", "|"} - {mark})
    cells, found = read(f'a{mark}b{mark}y\n"{mark}"{mark}x{others}{mark}1\n2{mark}x{others}{mark}1\n')
    assert found["delimiter"] == mark
    assert cells == [(mark, f"x{others}"), ("2", f"x{others}")]


def test_the_delimiter_can_be_any_character() -> None:
    assert read("a~y\n1~2\n", delimiter="~")[0] == [("1",)]
    assert read("a\ty\n1\t2\n", delimiter="tab")[0] == [("1",)]
    with pytest.raises(ConfigError, match="'::' is none"):
        read("a::y\n1::2\n", delimiter="::")


def test_a_wrong_delimiter_is_told_with_the_right_one() -> None:
    with pytest.raises(ConfigError, match=r"has no ',' in it: 'a;b;y'.*write delimiter: semicolon"):
        read("a;b;y\n1,5;2;3\n", delimiter=",")


@pytest.mark.parametrize(
    ("encoding", "detected"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("utf-16", "utf-16"), ("utf-32", "utf-32"), ("cp1252", "cp1252")],
)
def test_the_encoding_is_detected(encoding: str, detected: str) -> None:
    cells, found = read("na\u00efve,y\nJos\u00e9,1\n".encode(encoding))
    assert found["encoding"] == detected
    assert cells == [("Jos\u00e9",)]


def test_latin_1_far_behind_the_beginning_of_the_file_is_detected() -> None:
    cells, found = read(b"a,y\n" + b"plain,1\n" * 2_000_000 + b"Jos\xe9,1\n")
    assert found["encoding"] == "cp1252"
    assert cells[-1] == ("Jos\u00e9",)


def test_the_encoding_can_be_given() -> None:
    assert read(b"a,y\n\xe0,1\n", encoding="cp1251")[0] == [("\u0430",)]
    assert read("a,y\nx,1\n".encode("utf-16-le"), encoding="utf-16-le")[0] == [("x",)]
    assert read("\ufeffy,a\n1,x\n".encode("utf-16-le"), encoding="utf-16-le")[0] == [("x",)]
    with pytest.raises(DataError, match=r"t\.csv is not in utf-8: invalid continuation byte"):
        read(b"a,y\n\xe0,1\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="'latin9000' is no encoding"):
        read("a,y\n1,2\n", encoding="latin9000")


def test_a_decimal_comma_is_detected_and_becomes_a_dot_in_whole_numbers_only() -> None:
    cells, found = read("a;b;y\n1,5;x,5;1,0\n-0,25;2,5 kg;2,0\n,5;1,5e3;3,0\n")
    assert cells == [("1.5", "x,5"), ("-0.25", "2,5 kg"), (".5", "1.5e3")]
    assert (found["decimal"], found["decimal_commas"]) == (",", 7)


def test_a_decimal_comma_in_quotes_is_detected_between_commas() -> None:
    assert read('a,b,y\n"1,5",x,1\n"2,25",x,1\n')[0] == [("1.5", "x"), ("2.25", "x")]


def test_dots_between_thousands_are_taken_away_beside_decimal_commas() -> None:
    assert read("a;b;y\n1.234,50;1.000;1\n999,00;2.500;2\n")[0] == [("1234.50", "1000"), ("999.00", "2500")]


def test_commas_between_thousands_are_no_decimal_commas() -> None:
    assert read('a,b,y\n"1,500",0.5,1\n"2,250",0.5,1\n')[0] == [("1,500", "0.5"), ("2,250", "0.5")]
    assert read('a,b,y\n"1,500",2,1\n"2,250",3,1\n')[0] == [("1,500", "2"), ("2,250", "3")]


def test_dots_stay_beside_decimal_commas_where_they_are_decimals_themselves() -> None:
    assert read("a;b;y\n1,5;0.125;1\n2,5;2.5;1\n")[0] == [("1.5", "0.125"), ("2.5", "2.5")]


def test_the_decimal_mark_can_be_given() -> None:
    assert read("a;b;y\n1,5;x;1\n", decimal=".")[0] == [("1,5", "x")]
    assert read('a,b,y\n"1,500",x,1\n', decimal=",")[0] == [("1.500", "x")]


def test_marks_for_missing_values_are_detected_and_counted_as_they_are_written() -> None:
    cells, found = read("a,b,y\nNA,?,1\n n/a , ,2\n,None,3\nnull,-,4\nx,.,5\nNaN,#N/A,6\n")
    assert [value for row in cells for value in row if value is not None] == ["x"]
    once = dict.fromkeys(("NA", "?", "n/a", "None", "null", "-", ".", "NaN", "#N/A"), 1)
    assert found["missing"] == {"empty": 2, **once}


def test_none_and_a_dash_may_be_classes_but_no_numbers() -> None:
    Path("classes.csv").write_text("a,y\n1,None\n2,apnea\n3,NA\n4,-\n")
    Path("numbers.csv").write_text("a,y\n1,None\n2,1.5\n3,NA\n4,2\n")
    for name, targets in (("classes.csv", ["None", "apnea", None, "-"]), ("numbers.csv", [None, "1.5", None, "2"])):
        source = table(path=name, target="y")
        assert source.rows is not None
        assert next(source.rows()).found["target"].to_list() == targets


def test_marks_for_missing_values_can_be_given() -> None:
    cells, found = read("a,b,y\nNA,999,1\n,x,2\n", missing=["999"])
    assert cells == [("NA", None), (None, "x")]
    assert found["missing"] == {"empty": 1, "999": 1}
