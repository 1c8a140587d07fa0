import os
from pathlib import Path

import pytest

from dl_assets.errors import DataError
from dl_assets.sources import folder


def write(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    return root


def test_the_target_of_a_file_is_the_first_folder_on_the_way_to_it(tmp_path: Path) -> None:
    write(tmp_path, "dog/b.jpg", "cat/2/a.jpg", "cat/1.jpg", "README.md")
    samples = [(s.origin, s.target, s.payload) for s in folder.folder(path=str(tmp_path))]
    assert samples == [
        ("README.md", None, b"README.md"),
        ("cat/1.jpg", "cat", b"cat/1.jpg"),
        ("cat/2/a.jpg", "cat", b"cat/2/a.jpg"),
        ("dog/b.jpg", "dog", b"dog/b.jpg"),
    ]


def test_litter_is_left_out_and_counted(tmp_path: Path) -> None:
    write(tmp_path, "cat/1.jpg", "dog/1.jpg", ".DS_Store", "cat/Thumbs.db", "dog/desktop.ini", "__MACOSX/cat/1.jpg", ".git/a/b")
    assert [s.origin for s in folder.folder(path=str(tmp_path))] == ["cat/1.jpg", "dog/1.jpg"]
    description = folder.describe(path=str(tmp_path))
    assert (description["num_samples"], description["skipped_files"]) == (2, 5)


def test_files_are_read_one_at_a_time(tmp_path: Path) -> None:
    samples = folder.folder(path=str(write(tmp_path, "cat/1.jpg", "dog/1.jpg")))
    next(samples)
    (tmp_path / "dog/1.jpg").write_bytes(b"changed after the first was read")
    assert next(samples).payload == b"changed after the first was read"


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
        list(folder.folder(path=str(tmp_path)))


def test_a_link_in_a_circle_is_named(tmp_path: Path) -> None:
    write(tmp_path, "cat/1.jpg", "dog/1.jpg")
    (tmp_path / "cat/again").symlink_to(tmp_path)
    with pytest.raises(DataError, match="cat/again is a link to a folder that it lies in"):
        folder.folder(path=str(tmp_path))


def test_a_pipe_does_not_make_ingest_wait_for_ever(tmp_path: Path) -> None:
    write(tmp_path, "cat/1.jpg", "dog/1.jpg")
    os.mkfifo(tmp_path / "cat/pipe")
    with pytest.raises(DataError, match="cat/pipe is neither a file nor a folder"):
        list(folder.folder(path=str(tmp_path)))


def test_a_missing_folder_is_named_with_the_key_to_mend() -> None:
    with pytest.raises(DataError, match=r"source\.path: no/such/place does not exist.*one folder of files for each class"):
        folder.folder(path="no/such/place")


def test_an_archive_must_be_unpacked_first(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"photos\.zip is a file, but must be a folder.*Unpack it"):
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
            list(folder.folder(path=str(tmp_path)))
    finally:
        (tmp_path / name).chmod(0o700)
