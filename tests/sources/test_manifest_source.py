"""A table says which files there are and what they show."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from web import Web

from dl_assets.artifacts.rejection import Rejection
from dl_assets.errors import ConfigError, DataError
from dl_assets.sources import manifest

ROWS = [
    {"file": "a/1.jpg", "label": "cat", "owner": "ann", "taken": "2026-01-31T12:00", "split": "train"},
    {"file": "a/2.jpg", "label": "dog", "owner": "bob", "taken": "1769860800", "split": "Validation"},
    {"file": "3.jpg", "label": "", "owner": "", "taken": "", "split": ""},
]
WRITERS: dict[str, Callable[[pl.DataFrame, Path], Any]] = {
    "labels.csv": lambda table, path: table.write_csv(path),
    "labels.tsv": lambda table, path: table.write_csv(path, separator="\t"),
    "labels.jsonl": lambda table, path: table.write_ndjson(path),
    "labels.parquet": lambda table, path: table.write_parquet(path),
}
COLUMNS = {"file": "file", "target": "label"}


def write(root: Path, rows: list[dict[str, Any]], name: str = "labels.csv") -> str:
    """Write the table, and every file that it lists, which holds its own name."""
    table = pl.DataFrame(rows)
    for file in table["file"].drop_nulls():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(file.encode())
    WRITERS[name](table, root / name)
    return str(root / name)


def targets(path: str, **options: Any) -> list[str | None]:
    return [s.target for s in manifest.manifest(path=path, **{**COLUMNS, **options})]


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_says_the_same(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, ROWS, name)
    samples = manifest.manifest(path=path, **COLUMNS, group="owner", time="taken", part="split")
    assert [(s.origin, s.read(), s.target, s.group, s.time, s.part) for s in samples] == [
        ("a/1.jpg", b"a/1.jpg", "cat", "ann", datetime(2026, 1, 31, 12), "train"),
        ("a/2.jpg", b"a/2.jpg", "dog", "bob", datetime(2026, 1, 31, 12), "val"),
        ("3.jpg", b"3.jpg", None, None, None, None),
    ]
    assert manifest.manifest(path=path, **COLUMNS).description["num_samples"] == 3


def test_columns_of_csv_stay_text(tmp_path: Path) -> None:
    assert targets(write(tmp_path, [{"file": "1.jpg", "label": "007"}, {"file": "2.jpg", "label": "1e3"}])) == ["007", "1e3"]


def test_numbers_dates_and_truths_of_parquet_are_understood(tmp_path: Path) -> None:
    rows = [{"file": "1.jpg", "label": 3, "taken": datetime(2026, 1, 31)}, {"file": "2.jpg", "label": None, "taken": None}]
    path = write(tmp_path, rows, "labels.parquet")
    assert [(s.target, s.time) for s in manifest.manifest(path=path, **COLUMNS, time="taken")] == [
        ("3", datetime(2026, 1, 31)),
        (None, None),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "file;label\n1.jpg;cat\n2.jpg;dog\n",
        "\ufefffile,label\r\n1.jpg,cat\r\n2.jpg, dog \r\n",
        'file,label\n"1.jpg","cat"\n2.jpg,dog',
    ],
)
def test_csv_comes_in_many_ways(tmp_path: Path, text: str) -> None:
    write(tmp_path, [{"file": "1.jpg", "label": ""}, {"file": "2.jpg", "label": ""}])
    (tmp_path / "labels.csv").write_bytes(text.encode())
    assert targets(str(tmp_path / "labels.csv")) == ["cat", "dog"]


@pytest.mark.parametrize(
    ("cell", "target"), [("dog|cat", "cat|dog"), (" cat | dog |cat", "cat|dog"), ("cat", "cat"), ("|", None), ("", None)]
)
def test_several_labels_are_written_in_one_way(tmp_path: Path, cell: str, target: str | None) -> None:
    path = write(tmp_path, [{"file": "1.jpg", "label": cell}, {"file": "2.jpg", "label": "cat"}])
    assert targets(path, separator="|") == [target, "cat"]


@pytest.mark.parametrize("separator", [",", ";", " ", "|", " / "])
def test_whatever_stands_between_labels_the_target_is_the_same(tmp_path: Path, separator: str) -> None:
    path = write(tmp_path, [{"file": "1.jpg", "label": f"dog{separator}cat"}, {"file": "2.jpg", "label": "cat"}])
    assert targets(path, separator=separator) == ["cat|dog", "cat"]


def test_a_label_that_looks_like_two_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, [{"file": "1.jpg", "label": "cat|dog;cow"}])
    with pytest.raises(DataError, match=r"the labels \['cat\|dog', 'cow'\] hold a '\|'"):
        targets(path, separator=";")


def test_lists_of_labels_are_joined_by_the_separator(tmp_path: Path) -> None:
    path = write(tmp_path, [{"file": "1.jpg", "label": ["dog", "cat"]}, {"file": "2.jpg", "label": []}], "labels.jsonl")
    assert targets(path, separator="|") == ["cat|dog", None]
    with pytest.raises(ConfigError, match="column 'label' holds lists"):
        targets(path)


# ---- files -----------------------------------------------------------------------------------------------------


def test_files_are_looked_for_below_root_with_what_the_column_leaves_out(tmp_path: Path) -> None:
    path = write(tmp_path, [{"file": "1.jpg", "label": "cat"}, {"file": "x/2.jpg", "label": "dog"}])
    (tmp_path / "tables").mkdir()
    table = tmp_path / "tables" / "labels.csv"
    table.write_text("file,label\n1,cat\n./x/2,dog\n")
    samples = list(manifest.manifest(path=str(table), **COLUMNS, root=str(tmp_path), suffix=".jpg"))
    assert [(s.origin, s.read(), s.location) for s in samples] == [
        ("1.jpg", b"1.jpg", f"{tmp_path}/1.jpg"),
        ("x/2.jpg", b"x/2.jpg", f"{tmp_path}/x/2.jpg"),
    ]
    assert [s.version for s in samples] == [s.version for s in manifest.manifest(path=path, **COLUMNS)]


def test_a_missing_file_is_one_sample_lost(tmp_path: Path) -> None:
    path = write(tmp_path, ROWS)
    (tmp_path / "a/2.jpg").unlink()
    samples = list(manifest.manifest(path=path, **COLUMNS))
    assert (len(samples), samples[1].target, samples[1].version) == (3, "dog", None)
    with pytest.raises(Rejection, match=r"unreadable: the file does not exist: .*/a/2\.jpg"):
        samples[1].read()


def test_where_no_file_is_there_the_folder_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"source\.root: none of the 3 files .* the first would be elsewhere/a/1\.jpg"):
        manifest.manifest(path=write(tmp_path, ROWS), **COLUMNS, root="elsewhere")


def test_remote_tables_and_files_are_read(tmp_path: Path, memory: MemoryFileSystem, web: Web) -> None:
    rows = [{"file": "cat/a b.jpg", "label": "cat"}, {"file": "dog/2.jpg", "label": "dog"}]
    content = Path(write(web.root, rows)).read_bytes()
    memory.pipe({"/set/labels.csv": content, "/set/cat/a b.jpg": b"cat/a b.jpg", "/set/dog/2.jpg": b"dog/2.jpg"})
    for path in ("memory://set/labels.csv", f"{web.url}/labels.csv"):
        samples = list(manifest.manifest(path=path, **COLUMNS))
        assert [(s.origin, s.target, s.read(), s.version) for s in samples] == [
            ("cat/a b.jpg", "cat", b"cat/a b.jpg", None),
            ("dog/2.jpg", "dog", b"dog/2.jpg", None),
        ]


def test_a_table_here_may_list_files_elsewhere(tmp_path: Path, memory: MemoryFileSystem, web: Web) -> None:
    memory.pipe("/set/1.jpg", b"one")
    (web.root / "2.jpg").write_bytes(b"two")
    rows = f"file,label\nmemory://set/1.jpg,cat\n{web.url}/2.jpg,dog\n{web.url}/gone.jpg,dog\n{tmp_path}/labels.csv,cat\n"
    (tmp_path / "labels.csv").write_text(rows)
    first, second, third, fourth = manifest.manifest(path=str(tmp_path / "labels.csv"), **COLUMNS)
    assert (first.read(), second.read(), fourth.read()) == (b"one", b"two", rows.encode())
    with pytest.raises(Rejection, match=r"the file does not exist: http://.*/gone\.jpg"):
        third.read()


def test_the_table_and_its_folder_are_watched_but_not_a_folder_around_data(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert manifest.watched(path="photos/labels.csv", **COLUMNS) == ("photos/labels.csv", "photos")
    assert manifest.watched(path="labels.csv", root="photos", **COLUMNS) == ("labels.csv", "photos")
    assert manifest.watched(path="labels.csv", **COLUMNS) == ("labels.csv",)
    assert manifest.watched(path="s3://bucket/labels.csv", **COLUMNS) == ("s3://bucket/labels.csv", "s3://bucket")


# ---- what is wrong ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["file", "target", "group", "time", "part"])
def test_a_missing_column_is_told_with_the_nearest(tmp_path: Path, option: str) -> None:
    with pytest.raises(
        ConfigError,
        match=rf"source\.{option}: .*labels\.csv has no column 'spilt', did you mean 'split'\? Its columns: file, label, owner",
    ):
        manifest.manifest(path=write(tmp_path, ROWS), **{**COLUMNS, option: "spilt"})


def test_a_file_that_is_listed_twice_is_told_with_both_rows(tmp_path: Path) -> None:
    rows = [{"file": name, "label": "cat"} for name in ("1.jpg", "2.jpg", "./1.jpg")]
    with pytest.raises(DataError, match=r"rows 1 and 3 of .*labels\.csv list the same file '1\.jpg'"):
        targets(write(tmp_path, rows))


@pytest.mark.parametrize(
    ("column", "option", "message"),
    [
        ("taken", "time", r"column 'taken' of .*, row 2: 'yesterday' is neither a date .* 1 of 3 rows"),
        ("split", "part", r"column 'split' of .*, row 2: 'yesterday' is no part\. Allowed: train, .* 1 of 3 rows"),
    ],
)
def test_a_value_that_cannot_be_understood_is_told_with_its_row(tmp_path: Path, column: str, option: str, message: str) -> None:
    path = write(tmp_path, [ROWS[0], {**ROWS[1], column: "yesterday"}, ROWS[2]])
    with pytest.raises(DataError, match=message):
        manifest.manifest(path=path, **COLUMNS, **{option: column})


def test_a_row_without_file_is_told(tmp_path: Path) -> None:
    path = write(tmp_path, ROWS)
    Path(path).write_text("file,label\na/1.jpg,cat\n,dog\n")
    with pytest.raises(DataError, match=r"row 2 of .*labels\.csv names no file \(column 'file'\)"):
        targets(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.xlsx", b"PK", r"a\.xlsx must end in one of \.csv, \.tsv"),
        ("a.csv", "file,label\nKöln.jpg,cat\n".encode("latin-1"), "cannot be read as csv in UTF-8"),
        ("a.csv", b"file,label\n1.jpg,cat,dog\n", "cannot be read as csv"),
        ("a.csv", b"", "cannot be read as csv"),
        ("a.csv", b"file,label\n", "lists no files"),
        ("a.jsonl", json.dumps(ROWS).encode()[:-9], "cannot be read as jsonl"),
        ("a.parquet", b"file,label\n", "cannot be read as parquet"),
    ],
)
def test_a_table_that_cannot_be_read_is_told(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises((ConfigError, DataError), match=message):
        targets(str(tmp_path / name))


def test_a_table_that_is_not_there_is_named() -> None:
    with pytest.raises(DataError, match=r"source\.path: no/such\.csv does not exist"):
        targets("no/such.csv")
