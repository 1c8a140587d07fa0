import os
import sys
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from web import Web

from dl_assets.artifacts.rejection import Rejection
from dl_assets.errors import ConfigError, DataError
from dl_assets.sources import folder


def write(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    return root


def read_all(root: Path) -> list[bytes]:
    return [sample.read() for sample in folder.folder(path=str(root))]


def test_the_target_of_a_file_is_the_first_folder_on_the_way_to_it(tmp_path: Path) -> None:
    write(tmp_path, "dog/b.jpg", "cat/2/a.jpg", "cat/1.jpg", "README.md")
    samples = [(s.origin, s.target, s.read()) for s in folder.folder(path=str(tmp_path))]
    assert samples == [
        ("README.md", None, b"README.md"),
        ("cat/1.jpg", "cat", b"cat/1.jpg"),
        ("cat/2/a.jpg", "cat", b"cat/2/a.jpg"),
        ("dog/b.jpg", "dog", b"dog/b.jpg"),
    ]


def test_what_is_listed_is_what_is_yielded_and_may_be_picked(tmp_path: Path) -> None:
    write(tmp_path, "train/dog/b.jpg", "train/cat/1.jpg", "test/cat/2/a.jpg", "train.txt")
    samples, source = list(folder.folder(path=str(tmp_path))), folder.folder(path=str(tmp_path))
    assert source.listing is not None
    table, pick = source.listing()
    assert table.rows() == [(s.origin, s.target, s.part, s.version) for s in samples]
    assert [(s.origin, s.target, s.part, s.read()) for s in pick([2, 3])] == [
        ("train/dog/b.jpg", "dog", "train", b"train/dog/b.jpg"),
        ("train.txt", None, None, b"train.txt"),
    ]


def test_litter_is_left_out_and_counted(tmp_path: Path) -> None:
    write(tmp_path, "cat/1.jpg", "dog/1.jpg", ".DS_Store", "cat/Thumbs.db", "dog/desktop.ini", "__MACOSX/cat/1.jpg", ".git/a/b")
    assert [s.origin for s in folder.folder(path=str(tmp_path))] == ["cat/1.jpg", "dog/1.jpg"]
    description = folder.folder(path=str(tmp_path)).description
    assert (description["num_samples"], description["skipped_files"]) == (2, 5)


def test_files_are_read_one_at_a_time(tmp_path: Path) -> None:
    samples = iter(folder.folder(path=str(write(tmp_path, "cat/1.jpg", "dog/1.jpg"))))
    next(samples).read()
    (tmp_path / "dog/1.jpg").write_bytes(b"changed after the first was read")
    assert next(samples).read() == b"changed after the first was read"


def test_a_linked_file_and_a_linked_class_are_read(tmp_path: Path) -> None:
    elsewhere = write(tmp_path / "elsewhere", "1.jpg")
    root = write(tmp_path / "root", "cat/1.jpg")
    (root / "cat/2.jpg").symlink_to(elsewhere / "1.jpg")
    (root / "dog").symlink_to(elsewhere)
    assert [s.origin for s in folder.folder(path=str(root))] == ["cat/1.jpg", "cat/2.jpg", "dog/1.jpg"]


def test_a_broken_link_is_named(tmp_path: Path) -> None:
    write(tmp_path, "cat/1.jpg", "dog/1.jpg")
    (tmp_path / "cat/2.jpg").symlink_to(tmp_path / "gone.jpg")
    with pytest.raises(DataError, match=r"cat/2\.jpg is a broken link to .*gone\.jpg"):
        read_all(tmp_path)


def test_a_link_in_a_circle_is_named(tmp_path: Path) -> None:
    write(tmp_path, "cat/1.jpg", "dog/1.jpg")
    (tmp_path / "cat/again").symlink_to(tmp_path)
    with pytest.raises(DataError, match="cat/again is a link to a folder that it lies in"):
        folder.folder(path=str(tmp_path))


def test_a_pipe_does_not_make_ingest_wait_for_ever(tmp_path: Path) -> None:
    write(tmp_path, "cat/1.jpg", "dog/1.jpg")
    os.mkfifo(tmp_path / "cat/pipe")
    with pytest.raises(DataError, match="cat/pipe is neither a file nor a folder"):
        read_all(tmp_path)


def test_a_missing_folder_is_named_with_the_key_to_mend() -> None:
    with pytest.raises(DataError, match=r"source\.path: no/such/place does not exist.*one folder of files for each class"):
        folder.folder(path="no/such/place")


def test_an_archive_is_pointed_to_its_own_kind(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"photos\.zip is a file, but must be a folder.*write: source: \{kind: archive, path: "):
        folder.folder(path=str(write(tmp_path, "photos.zip") / "photos.zip"))


@pytest.mark.parametrize("names", [(), (".DS_Store", "cat/.hidden")])
def test_a_folder_without_files_is_an_error(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(DataError, match="holds no files"):
        folder.folder(path=str(write(tmp_path, *names)))


def test_one_class_is_not_enough(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"one folder per class.*found 1 \(cat\) and 1 files outside"):
        folder.folder(path=str(write(tmp_path, "cat/1.jpg", "a.jpg")))


def test_classes_that_lie_one_folder_deeper_are_pointed_at(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"If cat, dog are the classes, write: source: \{kind: folder, path: .*/train\}"):
        folder.folder(path=str(write(tmp_path, "train/cat/1.jpg", "train/dog/1.jpg")))


def test_a_name_that_is_not_utf8_is_shown(tmp_path: Path) -> None:
    write(tmp_path, "cat/1.jpg", "dog/1.jpg")
    try:
        (Path(os.fsdecode(os.fsencode(tmp_path) + b"/cat/caf\xe9.jpg"))).write_bytes(b"")
    except OSError:
        pytest.skip("this file system has no such names")
    with pytest.raises(DataError, match=r"caf\\udce9\.jpg is not valid UTF-8"):
        folder.folder(path=str(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("name", ["cat/1.jpg", "cat"])
def test_what_may_not_be_read_is_named(tmp_path: Path, name: str) -> None:
    (write(tmp_path, "cat/1.jpg", "dog/1.jpg") / name).chmod(0)
    try:
        with pytest.raises(DataError, match=f"{name} cannot be read"):
            read_all(tmp_path)
    finally:
        (tmp_path / name).chmod(0o700)


# ---- parts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("train", "val", "test"), [("train", "val", "test"), ("Training", "VALID", "Testing"), ("train", "validation", "test")]
)
def test_given_parts_are_kept_as_they_are(tmp_path: Path, train: str, val: str, test: str) -> None:
    write(tmp_path, f"{train}/cat/1.jpg", f"{train}/dog/1.jpg", f"{val}/cat/2.jpg", f"{test}/dog/deep/3.jpg", "notes.txt")
    samples = {(s.origin, s.target, s.part) for s in folder.folder(path=str(tmp_path))}
    assert samples == {
        (f"{train}/cat/1.jpg", "cat", "train"),
        (f"{train}/dog/1.jpg", "dog", "train"),
        (f"{val}/cat/2.jpg", "cat", "val"),
        (f"{test}/dog/deep/3.jpg", "dog", "test"),
        ("notes.txt", None, None),
    }


def test_train_and_test_alone_are_parts_too(tmp_path: Path) -> None:
    write(tmp_path, "train/cat/1.jpg", "train/dog/1.jpg", "test/cat/2.jpg")
    assert [s.part for s in folder.folder(path=str(tmp_path))] == ["test", "train", "train"]


def test_a_train_beside_a_plane_is_a_class(tmp_path: Path) -> None:
    write(tmp_path, "train/steam/1.jpg", "train/electric/1.jpg", "plane/jet/1.jpg", "test/1.jpg")
    assert {(s.target, s.part) for s in folder.folder(path=str(tmp_path))} == {("train", None), ("plane", None), ("test", None)}


def test_part_folders_can_be_told_to_be_classes(tmp_path: Path) -> None:
    write(tmp_path, "train/a/1.jpg", "test/a/1.jpg")
    assert {(s.target, s.part) for s in folder.folder(path=str(tmp_path), parts="none")} == {("train", None), ("test", None)}


def test_a_test_folder_without_classes_is_not_taken_for_a_class(tmp_path: Path) -> None:
    write(tmp_path, "train/cat/1.jpg", "train/dog/1.jpg", "test/1.jpg")
    with pytest.raises(DataError, match=r"no class folders in test\. If these are classes, write parts: none"):
        folder.folder(path=str(tmp_path))


# ---- versions and places ---------------------------------------------------------------------------------------


def test_a_changed_file_has_another_version_and_the_others_do_not(tmp_path: Path) -> None:
    write(tmp_path, "cat/1.jpg", "dog/1.jpg")
    before = {s.origin: s.version for s in folder.folder(path=str(tmp_path))}
    os.utime(tmp_path / "cat/1.jpg", ns=(1, 1))
    after = {s.origin: s.version for s in folder.folder(path=str(tmp_path))}
    assert [name for name in before if before[name] != after[name]] == ["cat/1.jpg"]
    assert after["cat/1.jpg"] == "9-1"  # bytes, then the time of the change in ns


def test_a_location_begins_as_the_user_wrote_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "photos", "cat/1.jpg", "dog/1.jpg")
    monkeypatch.chdir(tmp_path)
    assert [s.location for s in folder.folder(path="photos/")] == ["photos/cat/1.jpg", "photos/dog/1.jpg"]


def test_the_licence_goes_into_the_description(tmp_path: Path) -> None:
    path = str(write(tmp_path, "cat/1.jpg", "dog/1.jpg"))
    assert folder.folder(path=path).description["licence"] == "not stated"
    assert folder.folder(path=path, licence="CC0, by A. Photographer").description["licence"] == "CC0, by A. Photographer"


def test_a_file_too_large_for_a_sample_is_rejected_without_being_read(tmp_path: Path) -> None:
    write(tmp_path, "cat/1.jpg", "dog/1.jpg")
    with (tmp_path / "cat/1.jpg").open("wb") as file:
        file.truncate(2**30 + 1)  # sparse: takes no room
    with pytest.raises(Rejection, match="1,073,741,825 bytes"):
        next(iter(folder.folder(path=str(tmp_path)))).read()


# ---- elsewhere -------------------------------------------------------------------------------------------------


def test_a_remote_folder_is_read_like_a_local_one(memory: MemoryFileSystem) -> None:
    names = ["train/cat/a b.jpg", "train/dog/1.jpg", "val/cat/2.jpg", "test/dog/.DS_Store", "test/dog/3.jpg"]
    memory.pipe({f"/set/{name}": name.encode() for name in names})
    samples = list(folder.folder(path="memory://set"))
    assert [(s.origin, s.target, s.part, s.read()) for s in samples] == [
        ("test/dog/3.jpg", "dog", "test", b"test/dog/3.jpg"),
        ("train/cat/a b.jpg", "cat", "train", b"train/cat/a b.jpg"),
        ("train/dog/1.jpg", "dog", "train", b"train/dog/1.jpg"),
        ("val/cat/2.jpg", "cat", "val", b"val/cat/2.jpg"),
    ]
    assert folder.folder(path="memory://set").description["skipped_files"] == 1
    with fsspec.open(samples[1].location) as file:
        assert file.read() == b"train/cat/a b.jpg"


def test_a_remote_file_that_changed_has_another_version(memory: MemoryFileSystem) -> None:
    memory.pipe({"/set/cat/1.jpg": b"1", "/set/dog/1.jpg": b"1"})
    before = [s.version for s in folder.folder(path="memory://set")]
    memory.pipe("/set/dog/1.jpg", b"2")
    after = [s.version for s in folder.folder(path="memory://set")]
    assert (before[0] == after[0], before[1] == after[1]) == (True, False)


def test_many_remote_files_come_in_their_order_whichever_are_read(memory: MemoryFileSystem) -> None:
    names = [f"{name}/{index:02d}.jpg" for name in ("cat", "dog") for index in range(40)]
    memory.pipe({f"/set/{name}": name.encode() for name in names})
    assert [s.read().decode() for s in folder.folder(path="memory://set")] == names
    some = [s for index, s in enumerate(folder.folder(path="memory://set")) if index % 7 in (0, 1)]
    assert [s.read().decode() for s in some] == [s.origin for s in some]


def test_a_web_folder_is_read_through_its_links(web: Web) -> None:
    write(web.root, "set/cat/a b.jpg", "set/dog/1.jpg")
    samples = [(s.origin, s.target, s.read()) for s in folder.folder(path=f"{web.url}/set")]
    assert samples == [("cat/a b.jpg", "cat", b"set/cat/a b.jpg"), ("dog/1.jpg", "dog", b"set/dog/1.jpg")]
    assert folder.watched(path=f"{web.url}/set") == ()


def test_the_links_of_a_web_folder_that_sort_it_are_no_files(web: Web) -> None:
    write(web.root, "set/cat/1.jpg", "set/dog/1.jpg")
    links = ["?C=N;O=D", "../", "cat/", "dog/", "#top"]
    (web.root / "set/index.html").write_text("".join(f'<a href="{link}">x</a>' for link in links))
    assert [s.origin for s in folder.folder(path=f"{web.url}/set/")] == ["cat/1.jpg", "dog/1.jpg"]


def test_a_remote_folder_that_is_not_there_is_named(web: Web, memory: MemoryFileSystem) -> None:
    with pytest.raises(DataError, match=r"source\.path: http://.*/gone (does not exist|cannot be read|holds no files)"):
        folder.folder(path=f"{web.url}/gone")
    with pytest.raises(DataError, match=r"source\.path: memory://gone (does not exist|holds no files)"):
        folder.folder(path="memory://gone")


def test_a_missing_package_is_named_with_the_extra_that_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)  # as if it were not installed
    with pytest.raises(ConfigError, match=r"s3://bucket/set needs a package.*Run: pip install 'dl-assets\[s3\]'"):
        folder.folder(path="s3://bucket/set")


def test_an_unknown_protocol_is_told() -> None:
    with pytest.raises(ConfigError, match=r"source\.path: sss://bucket/set cannot be opened"):
        folder.folder(path="sss://bucket/set")
