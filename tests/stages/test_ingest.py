import json
import os
from pathlib import Path

import polars as pl
import pytest

from dl_assets import files
from dl_assets.artifacts.memo import Memo
from dl_assets.artifacts.packs import read_payloads
from dl_assets.artifacts.raw import RawSample
from dl_assets.artifacts.rejection import Rejection
from dl_assets.artifacts.report import Report
from dl_assets.artifacts.tables import RAW_SAMPLES, read_table
from dl_assets.config import Pipeline
from dl_assets.errors import ConfigError, DataError
from dl_assets.stages.ingest import identify, ingest, store

FILES = {"cat/1.jpg": b"one", "cat/2.jpg": b"", "dog/1.jpg": b"three", "README.md": b"text", "dog/.hidden": b"litter"}


def sample(origin: str, payload: bytes, target: str | None = "cat", version: str | None = None) -> RawSample:
    return RawSample(origin, lambda: payload, target, version=version)


def made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def write_files(root: Path, contents: dict[str, bytes]) -> str:
    for name, payload in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(payload)
    return str(root)


def run(path: str, root: Path, **source: str) -> tuple[Path, Report]:
    """Run the stage as the runner does: `raw` and the memo take the place of the last run's."""
    out = made(root / "work")
    config = Pipeline(Path("pipelines/pets.yaml"), {"source": {"kind": "folder", "path": path, **source}})
    report = ingest(config, memo=Memo((root / "raw",), root / "memo", root / "memo.new"), out=out)
    files.publish(root / "memo.new", root / "memo", root / "memo.old")
    files.publish(out, root / "raw", root / "raw.old")
    return root / "raw", report


def payloads(raw: Path) -> dict[str, bytes | Rejection]:
    samples = read_table(RAW_SAMPLES, raw)
    return dict(zip(samples["origin"], read_payloads(raw, samples), strict=True))


def shards(raw: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(raw.glob("payload-*.bin"))}


def test_every_file_is_kept_byte_for_byte(tmp_path: Path) -> None:
    raw, report = run(write_files(tmp_path / "in", FILES), tmp_path)
    assert payloads(raw) == {"README.md": b"text", "cat/1.jpg": b"one", "cat/2.jpg": b"", "dog/1.jpg": b"three"}
    assert read_table(RAW_SAMPLES, raw)["target"].to_list() == [None, "cat", "cat", "dog"]
    assert report.counts == {"samples": 4, "new": 4, "without_target": 1, "zero_bytes": 1, "skipped_files": 1}
    assert report.numbers == {"bytes": 12, "classes": 2}


def test_the_source_is_described(tmp_path: Path) -> None:
    path = write_files(tmp_path / "in", FILES)
    raw, _ = run(path, tmp_path)
    source = json.loads((raw / "source.json").read_text())
    assert source["kind"] == "folder" and source["uri"] == path and source["num_samples"] == 4
    assert {"kind", "uri", "licence", "num_samples", "skipped_files", "fingerprint"} <= set(source)


def test_the_same_source_gives_the_same_bytes_on_disk(tmp_path: Path) -> None:
    path = write_files(tmp_path / "in", FILES)
    first, second = (run(path, made(tmp_path / name))[0] for name in "12")
    assert {p.name: p.read_bytes() for p in first.iterdir()} == {p.name: p.read_bytes() for p in second.iterdir()}


def test_only_what_is_new_is_read_and_old_shards_stay_as_they_are(tmp_path: Path) -> None:
    path = write_files(tmp_path / "in", FILES)
    before = shards(run(path, tmp_path)[0])
    (tmp_path / "in/dog/1.jpg").chmod(0)
    write_files(tmp_path / "in", {"cat/3.jpg": b"new", "ant/1.jpg": b"first by name"})
    raw, report = run(path, tmp_path)
    assert report.counts["new"] == 2
    assert shards(raw) == {**before, "payload-00001.bin": b"first by name" + b"new"}
    assert payloads(raw)["dog/1.jpg"] == b"three" and payloads(raw)["ant/1.jpg"] == b"first by name"
    assert read_table(RAW_SAMPLES, raw)["origin"].is_sorted()


def test_a_file_with_a_new_date_and_the_same_bytes_is_not_stored_again(tmp_path: Path) -> None:
    path = write_files(tmp_path / "in", FILES)
    before = {p.name: p.read_bytes() for p in run(path, tmp_path)[0].iterdir()}
    os.utime(tmp_path / "in/cat/1.jpg", ns=(1, 1))
    raw, report = run(path, tmp_path)
    assert report.counts["new"] == 0
    assert {p.name: p.read_bytes() for p in raw.iterdir()} == before


def test_a_changed_file_is_stored_anew_and_a_removed_one_is_gone(tmp_path: Path) -> None:
    names = {f"cat/{number}.jpg": bytes([number]) for number in range(20)} | {"dog/1.jpg": b"dog"}
    path = write_files(tmp_path / "in", names)
    run(path, tmp_path)
    write_files(tmp_path / "in", {"cat/1.jpg": b"changed"})
    (tmp_path / "in/cat/2.jpg").unlink()
    raw, report = run(path, tmp_path)
    assert report.counts["new"] == 1 and report.counts["samples"] == 20
    assert payloads(raw)["cat/1.jpg"] == b"changed" and "cat/2.jpg" not in payloads(raw)


def test_when_much_was_removed_its_bytes_leave_the_shards(tmp_path: Path) -> None:
    path = write_files(
        tmp_path / "in", {f"{kind}/{number}.jpg": f"{kind}{number} ".encode() for kind in "ab" for number in range(5)}
    )
    run(path, tmp_path)
    for number in range(3):
        (tmp_path / f"in/a/{number}.jpg").unlink()
    raw, _ = run(path, tmp_path)
    assert shards(raw) == {"payload-00000.bin": b"a3 a4 b0 b1 b2 b3 b4 "}


def test_a_grown_folder_has_the_table_that_a_run_from_nothing_gives(tmp_path: Path) -> None:
    names = {f"{kind}/{number}.jpg": f"{kind}{number}".encode() for kind in ("cat", "dog") for number in range(20)}
    path = write_files(tmp_path / "in", names)
    run(path, tmp_path)
    write_files(tmp_path / "in", {"ant/1.jpg": b"ant", "cat/3.jpg": b"changed", "cat/90.jpg": b"new", "zoo.txt": b"outside"})
    (tmp_path / "in/dog/7.jpg").unlink()
    os.utime(tmp_path / "in/dog/8.jpg", ns=(1, 1))
    grown, report = run(path, tmp_path)
    fresh, fresh_report = run(path, made(tmp_path / "fresh"))
    tables = [read_table(RAW_SAMPLES, raw).drop("shard", "offset") for raw in (grown, fresh)]
    assert tables[0].equals(tables[1]) and payloads(grown) == payloads(fresh)
    assert json.loads((grown / "source.json").read_text()) == json.loads((fresh / "source.json").read_text())
    assert report.numbers == fresh_report.numbers and report.counts == {**fresh_report.counts, "new": 4}


def test_another_source_path_is_read_from_the_start(tmp_path: Path) -> None:
    run(write_files(tmp_path / "in", FILES), tmp_path)
    raw, report = run(write_files(tmp_path / "other", FILES), tmp_path)
    assert report.counts["new"] == 4 and len(shards(raw)) == 1


def test_a_reference_keeps_the_place_and_the_hash_but_not_the_bytes(tmp_path: Path) -> None:
    path = write_files(tmp_path / "in", FILES)
    raw, _ = run(path, tmp_path, keep="reference")
    assert shards(raw) == {}
    assert payloads(raw)["dog/1.jpg"] == b"three"
    write_files(tmp_path / "in", {"dog/1.jpg": b"other"})
    changed = payloads(raw)["dog/1.jpg"]
    assert isinstance(changed, Rejection) and "changed since it was ingested" in changed.detail


def test_what_cannot_be_opened_again_cannot_be_kept_by_reference(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"source\.keep is 'reference', but a\.jpg .*keep: copy"):
        store([sample("a.jpg", b"bytes")], made(tmp_path / "raw"), keep="reference")


def test_a_sample_that_is_lost_has_a_row_that_says_why(tmp_path: Path) -> None:
    def lost() -> bytes:
        raise Rejection("unreadable", "the file does not exist: a.jpg")

    table, _, _ = store([RawSample("a.jpg", lost, "cat"), sample("b.jpg", b"bytes")], made(tmp_path / "raw"))
    assert table["problem"].to_list() == ["the file does not exist: a.jpg", None]
    assert table["size_bytes"].to_list() == [0, 5]


@pytest.mark.parametrize(
    "changed",
    [
        {"cat/1.jpg": b"other", "dog/1.jpg": b"x"},
        {"fox/1.jpg": b"bytes", "dog/1.jpg": b"x"},
        {"cat/2.jpg": b"bytes", "dog/1.jpg": b"x"},
    ],
)
def test_the_fingerprint_changes_with_name_bytes_and_target(tmp_path: Path, changed: dict[str, bytes]) -> None:
    def fingerprint(contents: dict[str, bytes], name: str) -> str:
        raw, _ = run(write_files(tmp_path / f"in{name}", contents), made(tmp_path / name))
        return str(json.loads((raw / "source.json").read_text())["fingerprint"])

    assert fingerprint({"cat/1.jpg": b"bytes", "dog/1.jpg": b"x"}, "before") != fingerprint(changed, "after")


def test_the_id_depends_on_the_origin_alone(tmp_path: Path) -> None:
    alone, *_ = store([sample("b.jpg", b"x")], made(tmp_path / "1"))
    among, *_ = store([sample("a.jpg", b"y", "dog"), sample("b.jpg", b"z", "dog")], made(tmp_path / "2"))
    assert alone["id"][0] == among["id"][1] == identify("b.jpg")


def test_samples_are_taken_one_at_a_time(tmp_path: Path) -> None:
    out = made(tmp_path / "raw")

    def samples():  # type: ignore[no-untyped-def]
        for index in range(50):
            yield sample(f"{index}", bytes(1_000_000))
            assert sum(p.stat().st_size for p in out.iterdir()) >= index * 1_000_000  # the last one has left the memory

    table, *_ = store(samples(), out)
    assert table["offset"].to_list() == [index * 1_000_000 for index in range(50)]


def test_no_samples_make_an_empty_table_of_the_right_types(tmp_path: Path) -> None:
    table, *_ = store([], made(tmp_path / "raw"))
    RAW_SAMPLES.schema.validate(table)
    assert len(table) == 0 and table.schema["time"] == pl.Datetime("us")


def test_an_unusable_source_is_the_users_to_mend(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        run("no/such/folder", tmp_path)


def listed(root: Path, column: str) -> dict[str, object]:
    """Write two files and a table of them; return how a source reads the table with that column more."""
    write_files(root, {"1.jpg": b"one", "2.jpg": b"two"})
    (root / "files.csv").write_text(f"file,label,{column},site\n1.jpg,cat,A,3\n2.jpg,dog,,12\n")
    kinds = {"kind": "manifest", "file": "file", "target": "label", "columns": [column, "site"]}
    return {"path": str(root / "files.csv"), **kinds}


def test_columns_that_the_manifest_is_asked_for_stand_beside_the_samples(tmp_path: Path) -> None:
    raw, _ = run(root=tmp_path / "w", **listed(tmp_path, "camera"))
    samples = read_table(RAW_SAMPLES, raw)
    assert samples.select("origin", "camera", "site").rows() == [("1.jpg", "A", 3.0), ("2.jpg", None, 12.0)]


def test_a_change_of_such_a_column_reaches_samples_whose_files_are_known(tmp_path: Path) -> None:
    source = listed(tmp_path, "camera")
    run(root=tmp_path / "w", **source)
    table = tmp_path / "files.csv"
    table.write_text(table.read_text().replace("A,3", "B,4"))
    raw, report = run(root=tmp_path / "w", **source)
    assert report.counts["new"] == 0
    assert read_table(RAW_SAMPLES, raw).select("camera", "site").row(0) == ("B", 4.0)


@pytest.mark.parametrize("column", ["id", "cluster", "reason"])
def test_a_column_that_is_called_as_one_of_ours_is_refused(tmp_path: Path, column: str) -> None:
    with pytest.raises(ConfigError, match=rf"source\.columns: {column} would stand in the place of our own"):
        run(root=tmp_path / "w", **listed(tmp_path, column))
