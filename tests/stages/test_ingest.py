import json
from pathlib import Path

import polars as pl
import pytest

from dl_assets.artifacts.raw import RawSample
from dl_assets.artifacts.shards import read_payloads
from dl_assets.artifacts.tables import RAW_SAMPLES, read_table
from dl_assets.config import Pipeline
from dl_assets.errors import DataError
from dl_assets.stages.ingest import identify, ingest, store

FILES = {"cat/1.jpg": b"one", "cat/2.jpg": b"", "dog/1.jpg": b"three", "README.md": b"text", "dog/.hidden": b"litter"}


def make_pipeline(path: str) -> Pipeline:
    return Pipeline(Path("pipelines/pets.yaml"), {"source": {"kind": "folder", "path": path}})


def made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def write_files(root: Path, files: dict[str, bytes]) -> str:
    for name, payload in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(payload)
    return str(root)


def test_every_file_is_kept_byte_for_byte(tmp_path: Path) -> None:
    path, out = write_files(tmp_path / "in", FILES), made(tmp_path / "raw")
    report = ingest(make_pipeline(path), out=out)
    samples = read_table(RAW_SAMPLES, out)
    assert dict(zip(samples["origin"], read_payloads(out, samples), strict=True)) == {
        "README.md": b"text",
        "cat/1.jpg": b"one",
        "cat/2.jpg": b"",
        "dog/1.jpg": b"three",
    }
    assert samples["target"].to_list() == [None, "cat", "cat", "dog"]
    assert report.counts == {"samples": 4, "without_target": 1, "zero_bytes": 1, "skipped_files": 1}
    assert report.numbers == {"bytes": 12, "classes": 2}


def test_the_source_is_described(tmp_path: Path) -> None:
    path, out = write_files(tmp_path / "in", FILES), made(tmp_path / "raw")
    ingest(make_pipeline(path), out=out)
    source = json.loads((out / "source.json").read_text())
    assert source["kind"] == "folder" and source["uri"] == path and source["num_samples"] == 4
    assert set(source) == {"kind", "uri", "licence", "num_samples", "skipped_files", "fingerprint"}


def test_the_same_source_gives_the_same_bytes_on_disk(tmp_path: Path) -> None:
    path, first, second = write_files(tmp_path / "in", FILES), made(tmp_path / "1"), made(tmp_path / "2")
    for out in (first, second):
        ingest(make_pipeline(path), out=out)
    assert {p.name: p.read_bytes() for p in first.iterdir()} == {p.name: p.read_bytes() for p in second.iterdir()}


@pytest.mark.parametrize(
    "changed",
    [
        RawSample("a.jpg", b"other", "cat"),
        RawSample("a.jpg", b"bytes", "dog"),
        RawSample("b.jpg", b"bytes", "cat"),
        RawSample("a.jpg", b"bytes", None),
    ],
)
def test_the_fingerprint_changes_with_name_bytes_and_target(tmp_path: Path, changed: RawSample) -> None:
    _, before = store([RawSample("a.jpg", b"bytes", "cat")], made(tmp_path / "1"))
    _, after = store([changed], made(tmp_path / "2"))
    assert before != after


def test_the_id_depends_on_the_origin_alone(tmp_path: Path) -> None:
    alone, _ = store([RawSample("b.jpg", b"x", "cat")], made(tmp_path / "1"))
    among, _ = store([RawSample("a.jpg", b"y", "dog"), RawSample("b.jpg", b"z", "dog")], made(tmp_path / "2"))
    assert alone["id"][0] == among["id"][1] == identify("b.jpg")


def test_samples_are_taken_one_at_a_time(tmp_path: Path) -> None:
    out = made(tmp_path / "raw")

    def samples():  # type: ignore[no-untyped-def]
        for index in range(50):
            yield RawSample(f"{index}", bytes(1_000_000), "cat")
            assert sum(p.stat().st_size for p in out.iterdir()) >= index * 1_000_000  # the last one has left the memory

    table, _ = store(samples(), out)
    assert table["offset"].to_list() == [index * 1_000_000 for index in range(50)]


def test_no_samples_make_an_empty_table_of_the_right_types(tmp_path: Path) -> None:
    table, _ = store([], made(tmp_path / "raw"))
    assert table.schema == pl.Schema(
        {
            "id": pl.String,
            "target": pl.String,
            "group": pl.String,
            "origin": pl.String,
            "shard": pl.Int64,
            "offset": pl.Int64,
            "size_bytes": pl.Int64,
        }
    )


def test_an_unusable_source_is_the_users_to_mend(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        ingest(make_pipeline("no/such/folder"), out=made(tmp_path / "raw"))
