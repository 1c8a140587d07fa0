"""What `dl predict` takes: folders, archives and manifests, each input of which has its row."""

import tarfile
import zipfile
from pathlib import Path

import polars as pl
import pytest
from operations.predicting.asking import ask, dogs, photo
from operations.predicting.conftest import PIPELINE

from dl_assets.errors import ConfigError, DataError
from dl_assets.operations.submission import write_submission


@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_an_archive_stands_for_every_file_in_it(project: Path, kind: str) -> None:
    for name, level in {"b": 9, "a": 200}.items():
        photo(f"new/{name}.png", level)
    if kind == "zip":
        with zipfile.ZipFile("new.zip", "w") as archive:
            for name in ("b", "a"):
                archive.write(f"new/{name}.png")
    else:
        with tarfile.open("new.tar.gz", "w:gz") as stream:
            for name in ("b", "a"):
                stream.add(f"new/{name}.png")
    rows = ask(photo("first.png", 7), f"new.{kind}", photo("last.png", 8))
    assert rows["file"].to_list() == ["first.png", f"new.{kind}/new/b.png", f"new.{kind}/new/a.png", "last.png"]
    assert dogs(rows) == [7, 9, 200, 8]


def test_an_archive_larger_than_a_batch_is_read_as_the_stream_that_it_is(project: Path) -> None:
    levels = [3 * number % 256 for number in range(150)]
    with tarfile.open("new.tar", "w") as stream:
        for number, level in enumerate(levels):
            stream.add(photo(f"{number}.png", level))
    assert dogs(ask("new.tar")) == levels


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_a_manifest_names_files_relative_to_it_and_its_other_columns_are_kept(project: Path, ending: str) -> None:
    photo("photos/more/a.png", 10)
    photo("photos/b.png", 20)
    listing = pl.DataFrame({"patient": ["x", "y"], "file": ["more/a.png", "b.png"], "prediction": ["old", None]})
    if ending == "parquet":
        listing.write_parquet("photos/list.parquet")
    elif ending == "jsonl":
        listing.write_ndjson("photos/list.jsonl")
    else:
        listing.write_csv(f"photos/list.{ending}", separator="\t" if ending == "tsv" else ",")
    rows = ask(f"photos/list.{ending}")
    assert rows.columns[:5] == ["file", "patient", "prediction", "prediction_", "confidence"]
    assert rows["file"].to_list() == ["more/a.png", "b.png"]
    assert rows["patient"].to_list() == ["x", "y"] and rows["prediction"].to_list() == ["old", None]
    assert dogs(rows) == [10, 20]


def test_a_manifest_is_read_as_that_of_the_pipeline_where_it_has_its_column(project: Path) -> None:
    source = "{kind: manifest, path: labels.csv, file: name, target: label, suffix: .png, root: photos}"
    Path("pipelines/pets.yaml").write_text(PIPELINE.replace("{kind: folder, path: photos}", source))
    photo("photos/a.png", 10)
    photo("b.png", 20)
    Path("new.csv").write_text("name,label\na,dog\n")
    Path("other.csv").write_text("file\nb.png\n")
    rows = ask("new.csv", "other.csv")
    assert rows["file"].to_list() == ["a", "b.png"] and rows["label"].to_list() == ["dog", None]
    assert dogs(rows) == [10, 20]


def test_a_file_that_is_not_there_or_not_named_has_a_row_that_says_so(project: Path) -> None:
    photo("a.png", 10)
    Path("folder").mkdir()
    Path("list.csv").write_text("file,no\nlost.png,1\na.png,2\n,3\nfolder,4\na.png,5\n")
    with pytest.raises(DataError, match=r"3 of 5 files could not be read: lost\.png \(unreadable: the file does not exist"):
        ask("list.csv")
    rows = pl.read_parquet("p.parquet")
    assert rows["no"].to_list() == ["1", "2", "3", "4", "5"]
    assert [problem and problem[12:] for problem in rows["problem"]] == [
        "the file does not exist: lost.png",
        None,
        "the manifest names no file here",
        "folder is no file",
        None,
    ]
    assert rows["prediction"].is_null().to_list() == [True, False, True, True, False]


def test_a_manifest_without_the_column_is_told(project: Path) -> None:
    Path("list.csv").write_text("path\na.png\n")
    with pytest.raises(ConfigError, match=r"list\.csv has no column 'file'.*Its columns: path"):
        ask("list.csv")


def test_a_submission_is_written_for_an_archive_of_the_source(project: Path) -> None:
    source = "{kind: filename, path: photos, pattern: '(?P<target>cat|dog)', unlabelled: test.zip}"
    Path("pipelines/pets.yaml").write_text(PIPELINE.replace("{kind: folder, path: photos}", source))
    with zipfile.ZipFile("test.zip", "w") as archive:
        archive.write(photo("2.png", 102))
        archive.write(photo("1.png", 51))
    write_submission("pets", [], Path(), Path("s.csv"), None)
    assert Path("s.csv").read_text().splitlines() == ["id,label", "1,0.200000", "2,0.400000"]
