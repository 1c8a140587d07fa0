"""Archives are read where they lie, and nothing that somebody put into one gets out of it."""

import io
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from web import Web
from workspace import REPOSITORY

from dl_assets.artifacts.rejection import Rejection
from dl_assets.errors import DataError
from dl_assets.sources import archive

CIFAR10 = REPOSITORY.parent / "shared" / "data" / "cifar10" / "cifar10.zip"
TWO = ("dog/1.jpg", "cat/1.jpg")


def write_zip(path: Path, names: Iterable[str] = TWO) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name in names:
            file.writestr(name, b"" if name.endswith("/") else name.encode() * 100)
    return path


def write_tar(path: Path, names: Iterable[str] = TWO) -> Path:
    with tarfile.open(path, f"w:{path.suffix[1:] if path.suffix != '.tar' else ''}") as file:
        for name in names:
            content = name.encode("utf-8", "surrogateescape") * 100
            member = tarfile.TarInfo(name.rstrip("/"))
            member.type, member.size = (tarfile.DIRTYPE, 0) if name.endswith("/") else (tarfile.REGTYPE, len(content))
            file.addfile(member, io.BytesIO(content) if member.size else None)
    return path


WRITERS: dict[str, Callable[[Path, Iterable[str]], Path]] = {
    "a.zip": write_zip,
    "a.tar": write_tar,
    "a.tar.gz": write_tar,
    "a.tar.bz2": write_tar,
    "a.tar.xz": write_tar,
}
every_format = pytest.mark.parametrize("name", WRITERS)


def packed(folder: Path, name: str, members: Iterable[str] = TWO) -> str:
    return str(WRITERS[name](folder / name, members))


def found(path: str, **options: str) -> list[tuple[str, str | None, str | None]]:
    """Origin, target and part of every sample, each of which holds its own name a hundred times."""
    samples = []
    for sample in archive.archive(path=path, **options):  # type: ignore[arg-type]
        assert sample.read() == sample.origin.encode() * 100
        samples.append((sample.origin, sample.target, sample.part))
    return samples


# ---- what is in it -------------------------------------------------------------------------------------------------


@every_format
def test_an_archive_is_read_in_its_own_order_and_leaves_nothing_on_the_disk(tmp_path: Path, name: str) -> None:
    path = packed(tmp_path, name, ["dog/", "dog/2.jpg", "README.md", "cat/1.jpg", "__MACOSX/cat/._1.jpg"])
    assert found(path) == [("dog/2.jpg", "dog", None), ("README.md", None, None), ("cat/1.jpg", "cat", None)]
    description = archive.archive(path=path, licence="CC0").description
    assert (description["num_samples"], description["skipped_files"], description["licence"]) == (3, 1, "CC0")
    assert [file.name for file in tmp_path.iterdir()] == [name]


@every_format
def test_given_parts_are_kept_also_inside_one_folder_around_them(tmp_path: Path, name: str) -> None:
    path = packed(tmp_path, name, ["set/train/cat/1.jpg", "set/train/dog/1.jpg", "set/test/cat/1.jpg"])
    assert [sample[1:] for sample in found(path)] == [("cat", "train"), ("dog", "train"), ("cat", "test")]


@every_format
def test_one_folder_around_the_classes_does_not_count(tmp_path: Path, name: str) -> None:
    path = packed(tmp_path, name, ["photos/cat/1.jpg", "photos/dog/1.jpg", "README.md"])
    assert [sample[1] for sample in found(path)] == ["cat", "dog", None]


@every_format
def test_classes_that_lie_deeper_are_reached_by_inside(tmp_path: Path, name: str) -> None:
    path = packed(tmp_path, name, ["a/b/cat/1.jpg", "a/b/dog/1.jpg", "a/c/x/1.jpg"])
    assert found(path, inside="a/b/") == [("a/b/cat/1.jpg", "cat", None), ("a/b/dog/1.jpg", "dog", None)]
    with pytest.raises(DataError, match="has nothing below 'a/d'"):
        archive.archive(path=path, inside="a/d")


def test_classes_that_lie_deeper_are_pointed_at(tmp_path: Path) -> None:
    path = packed(tmp_path, "a.zip", ["a/b/cat/1.jpg", "a/b/dog/1.jpg"])
    with pytest.raises(DataError, match=r"found 1 \(a\) and 0 files .* If cat, dog are the classes, write: inside: a/b\."):
        archive.archive(path=path)


def test_a_misnamed_archive_is_known_by_its_content(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar.gz").rename(tmp_path / "photos.zip")
    assert [sample[1] for sample in found(str(path))] == ["dog", "cat"]


def test_names_of_old_packers_are_understood(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", ["K_ln\\1.jpg", "B_nn\\1.jpg"])  # backslashes, as from Windows
    # UTF-8 without the mark that says so, as from macOS.
    path.write_bytes(path.read_bytes().replace(b"K_ln", "Köl".encode()).replace(b"B_nn", "Bön".encode()))
    assert [s.origin for s in archive.archive(path=str(path))] == ["Köl/1.jpg", "Bön/1.jpg"]


def test_a_zip_tells_which_members_changed_and_a_tar_whether_any_did(tmp_path: Path) -> None:
    first, second = write_zip(tmp_path / "a.zip"), tmp_path / "b.zip"
    second.write_bytes(first.read_bytes())
    with zipfile.ZipFile(second, "a") as file:
        file.writestr("cat/2.jpg", b"new")
    versions = [{s.origin: s.version for s in archive.archive(path=str(path))} for path in (first, second)]
    assert versions[1] == {**versions[0], "cat/2.jpg": f"3-{zipfile.crc32(b'new'):08x}"}
    tar = write_tar(tmp_path / "a.tar")
    before = [s.version for s in archive.archive(path=str(tar))]
    os.utime(tar, ns=(1, 1))
    assert before != [s.version for s in archive.archive(path=str(tar))] == [f"{tar.stat().st_size}-1"] * 2


@every_format
def test_a_tar_may_be_read_in_part_and_again(tmp_path: Path, name: str) -> None:
    path = packed(tmp_path, name, [f"{name}/{index}.jpg" for index in range(5) for name in ("cat", "dog")])
    some = [s.read() for index, s in enumerate(archive.archive(path=path)) if index in (3, 8)]
    assert some == [b"dog/1.jpg" * 100, b"cat/4.jpg" * 100]
    assert len(found(path)) == 10


@pytest.mark.skipif(not CIFAR10.is_file(), reason="CIFAR-10 is not here: it would be in ../shared/data/cifar10")
def test_cifar10_is_read_with_its_own_parts() -> None:
    samples = list(archive.archive(path=str(CIFAR10)))
    assert len(samples) == 60_000
    assert sum(s.part == "test" for s in samples) == 10_000
    assert len({s.target for s in samples}) == 10
    assert len({s.origin for s in samples}) == 60_000


# ---- elsewhere -----------------------------------------------------------------------------------------------------


@every_format
def test_a_remote_archive_is_read_like_a_local_one(tmp_path: Path, memory: MemoryFileSystem, name: str) -> None:
    memory.pipe(f"/set/{name}", Path(packed(tmp_path, name)).read_bytes())
    assert [sample[1] for sample in found(f"memory://set/{name}")] == ["dog", "cat"]


@every_format
def test_an_archive_behind_http_is_read_where_it_lies(web: Web, name: str) -> None:
    packed(web.root, name)
    assert [sample[1] for sample in found(f"{web.url}/{name}")] == ["dog", "cat"]
    assert archive.watched(path=f"{web.url}/{name}") == ()  # no ETag: DVC could not tell whether it is new


def test_an_archive_that_is_not_there_is_named(web: Web) -> None:
    for path in ("no/such.zip", f"{web.url}/gone.zip", "memory://gone.zip"):
        with pytest.raises(DataError, match=rf"source\.path: {path} does not exist"):
            archive.archive(path=path)


# ---- what is wrong with it -----------------------------------------------------------------------------------------


@every_format
@pytest.mark.parametrize("member", ["../evil.jpg", "cat/../../evil.jpg", "/etc/evil.jpg", "C:/evil.jpg"])
def test_a_path_that_leaves_the_archive_stops_everything(tmp_path: Path, name: str, member: str) -> None:
    path = packed(tmp_path, name, [*TWO, member])
    with pytest.raises(DataError, match=r"holds '.*evil\.jpg', a path that leaves the archive"):
        archive.archive(path=path)


def test_a_backslash_is_a_way_out_of_a_zip_too(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="a path that leaves the archive"):
        archive.archive(path=packed(tmp_path, "a.zip", [*TWO, "..\\evil.jpg"]))


def test_an_encrypted_zip_is_told(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip")
    content = bytearray(path.read_bytes())
    content[content.rindex(b"PK\x01\x02") + 8] |= 1  # the flag that a password is needed, in the last directory entry
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.zip is encrypted \('cat/1\.jpg' needs a password\)\. Unpack it and"):
        archive.archive(path=str(path))


@every_format
@pytest.mark.parametrize("share", [0.3, 0.7, 0.97])
def test_an_archive_that_was_cut_off_is_told(tmp_path: Path, name: str, share: float) -> None:
    path = packed(tmp_path, name, [f"{name}/{os.urandom(8).hex()}.jpg" for _ in range(100) for name in ("cat", "dog")])
    content = Path(path).read_bytes()
    Path(path).write_bytes(content[: int(len(content.rstrip(b"\0")) * share)])
    with pytest.raises(DataError, match=rf"{name} is a broken (zip|tar) archive .*cut off .* Get it again"):
        archive.archive(path=path)


@pytest.mark.parametrize("name", ["a.tar", "a.tar.gz"])
def test_a_tar_that_is_damaged_in_the_middle_does_not_pass_for_a_shorter_one(tmp_path: Path, name: str) -> None:
    path = Path(packed(tmp_path, name, [f"{name}/{index}.jpg" for index in range(200) for name in ("cat", "dog")]))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 512 * 512
    content[middle : middle + 2048] = os.urandom(2048)
    path.write_bytes(content)
    with pytest.raises(DataError, match="is a broken tar archive"):
        archive.archive(path=str(path))


def test_one_broken_member_of_a_zip_is_one_sample_lost(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("cat/1.jpg", b"the first picture")
        file.writestr("dog/1.jpg", b"the second picture")
    path.write_bytes(path.read_bytes().replace(b"the first picture", b"the wrong picture"))
    first, second = [(s, _read(s.read)) for s in archive.archive(path=str(path))]
    assert isinstance(first[1], Rejection)
    assert (first[1].reason, first[1].detail) == ("unreadable", "broken in the archive: Bad CRC-32 for file 'cat/1.jpg'")
    assert second[1] == b"the second picture"


def _read(read: Callable[[], bytes]) -> bytes | Rejection:
    try:
        return read()
    except Rejection as rejection:
        return rejection


def test_links_are_never_followed_and_each_is_told(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name, kind in (("cat/1.jpg", tarfile.SYMTYPE), ("cat/2.jpg", tarfile.LNKTYPE), ("dog/1.jpg", tarfile.CHRTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            tar.addfile(member)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        for name in TWO:
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o120777 << 16
            file.writestr(info, "/etc/passwd")
    for name in ("a.tar", "a.zip"):
        for sample in archive.archive(path=str(tmp_path / name)):
            with pytest.raises(Rejection, match=r"unreadable: a (link|device) inside an archive, which is not followed"):
                sample.read()


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("cat/1.jpg", bytes(2**20))
        file.writestr("dog/1.jpg", b"small")
    content = path.read_bytes()
    size = (2**20).to_bytes(4, "little")
    path.write_bytes(content.replace(size, (2**30 + 1).to_bytes(4, "little")))  # what the directory says of it
    samples = iter(archive.archive(path=str(path)))
    with pytest.raises(Rejection, match="1,073,741,825 bytes"):
        next(iter(samples)).read()
    assert next(iter(samples)).read() == b"small"


@every_format
def test_two_members_of_one_name_are_told(tmp_path: Path, name: str) -> None:
    with pytest.warns() if name == "a.zip" else nullcontext():
        path = packed(tmp_path, name, [*TWO, "cat/1.jpg"])
    with pytest.raises(DataError, match=r"holds 'cat/1\.jpg' twice"):
        archive.archive(path=path)


def test_a_tar_with_names_that_are_not_utf8_is_told(tmp_path: Path) -> None:
    path = packed(tmp_path, "a.tar", [*TWO, os.fsdecode(b"cat/caf\xe9.jpg")])
    with pytest.raises(DataError, match=r"caf\\udce9\.jpg is not valid UTF-8"):
        archive.archive(path=path)


@every_format
@pytest.mark.parametrize("members", [[], ["cat/", "dog/"], ["__MACOSX/cat/._1.jpg"]])
def test_an_archive_without_files_is_told(tmp_path: Path, name: str, members: list[str]) -> None:
    with pytest.raises(DataError, match="holds no files"):
        archive.archive(path=packed(tmp_path, name, members))


@every_format
def test_an_archive_without_classes_is_told(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"one folder per class and at least two .* found 0 and 2 files outside"):
        archive.archive(path=packed(tmp_path, name, ["1.jpg", "2.jpg"]))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"<!DOCTYPE html>", "no zip or tar archive .it starts with"),
        (b"Rar!\x1a\x07\x01\x00", "a RAR archive; only zip and tar"),
        (b"\x1f\x8b\x08\x00" + bytes(20), "broken tar archive"),
    ],
)
def test_a_file_of_another_kind_is_told(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "photos").write_bytes(content)
    with pytest.raises(DataError, match=message):
        archive.archive(path=str(tmp_path / "photos"))
