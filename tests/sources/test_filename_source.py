"""The target is in the file's name, as in Kaggle's dogs-vs-cats."""

import shutil
import zipfile
from datetime import datetime
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from workspace import REPOSITORY

from dl_assets.config import Pipeline
from dl_assets.errors import ConfigError, DataError
from dl_assets.sources import filename

PHOTOS = REPOSITORY.parent / "shared" / "data" / "cats_dogs"
KAGGLE = r"^(?P<target>cat|dog)\.\d+\."
NAMES = ("cat.0.jpg", "cat.1.jpg", "dog.0.jpg")


def write(root: Path, *names: str) -> str:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    return str(root)


def test_the_pattern_finds_the_target_and_what_it_does_not_fit_has_none(tmp_path: Path) -> None:
    path = write(tmp_path, *NAMES, "notes.txt", ".DS_Store")
    samples = [(s.origin, s.target, s.read()) for s in filename.filename(path=path, pattern=KAGGLE)]
    assert samples == [
        ("cat.0.jpg", "cat", b"cat.0.jpg"),
        ("cat.1.jpg", "cat", b"cat.1.jpg"),
        ("dog.0.jpg", "dog", b"dog.0.jpg"),
        ("notes.txt", None, b"notes.txt"),
    ]
    description = filename.filename(path=path, pattern=KAGGLE).description
    assert (description["num_samples"], description["skipped_files"]) == (4, 1)


def test_the_files_without_target_are_those_to_predict(tmp_path: Path) -> None:
    train, test = write(tmp_path / "train", *NAMES), write(tmp_path / "test1", "1.jpg", "2.jpg")
    samples = list(filename.unlabelled(path=train, pattern=KAGGLE, unlabelled=test))
    assert [(s.origin, s.target, s.read()) for s in samples] == [("1.jpg", None, b"1.jpg"), ("2.jpg", None, b"2.jpg")]
    assert len(list(filename.filename(path=train, pattern=KAGGLE, unlabelled=test))) == 3
    assert filename.watched(path=train, pattern=KAGGLE, unlabelled=test) == (train,)


def test_without_such_files_there_is_nothing_to_predict(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"source\.unlabelled is not set"):
        filename.unlabelled(path=write(tmp_path, *NAMES), pattern=KAGGLE)
    with pytest.raises(DataError, match=r"source\.unlabelled: no/such/folder does not exist"):
        filename.unlabelled(path=str(tmp_path), pattern=KAGGLE, unlabelled="no/such/folder")


def test_the_archives_that_kaggle_ships_are_read_as_they_are(tmp_path: Path) -> None:
    for name, members in (("train", NAMES), ("test1", ("1.jpg", "2.jpg"))):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as file:
            for member in members:
                file.writestr(f"{name}/{member}", member)
    options = {"path": f"{tmp_path}/train.zip", "pattern": KAGGLE, "unlabelled": f"{tmp_path}/test1.zip"}
    assert [(s.origin, s.target) for s in filename.filename(**options)] == [(f"train/{n}", n[:3]) for n in NAMES]
    assert [(s.origin, s.read()) for s in filename.unlabelled(**options)] == [
        ("test1/1.jpg", b"1.jpg"),
        ("test1/2.jpg", b"2.jpg"),
    ]


def test_a_remote_folder_is_read_too(memory: MemoryFileSystem) -> None:
    memory.pipe({f"/set/{name}": name.encode() for name in NAMES})
    assert [s.target for s in filename.filename(path="memory://set", pattern=KAGGLE)] == ["cat", "cat", "dog"]


def test_group_time_and_part_are_found_as_well(tmp_path: Path) -> None:
    path = write(tmp_path, "p1/train_cat_20260131.jpg", "p2/test_dog_20260201.jpg")
    pattern = r"(?P<group>[^/]+)/(?P<part>[a-z]+)_(?P<target>[a-z]+)_(?P<time>\d{8})"
    found = [(s.target, s.group, s.time, s.part) for s in filename.filename(path=path, pattern=pattern)]
    assert found == [("cat", "p1", datetime(2026, 1, 31), "train"), ("dog", "p2", datetime(2026, 2, 1), "test")]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("cat_holdout_2026-01-31.jpg", r"cat_holdout_2026-01-31\.jpg: 'holdout' is no part\. Allowed: train"),
        ("cat_train_2026-99-31.jpg", r"'2026-99-31' is neither a date such as"),
    ],
)
def test_a_part_or_time_that_is_none_is_told_with_the_file(tmp_path: Path, name: str, message: str) -> None:
    path = write(tmp_path, name, "dog_train_2026-01-31.jpg")
    with pytest.raises(DataError, match=message):
        list(filename.filename(path=path, pattern=r"(?P<target>[a-z]+)_(?P<part>[a-z]+)_(?P<time>[\d-]+)"))


def test_a_pattern_that_fits_nothing_is_told_with_three_names(tmp_path: Path) -> None:
    path = write(tmp_path, *NAMES, "x.jpg")
    with pytest.raises(DataError, match=r"fits none of the 4 files\. .* example: cat\.0\.jpg, cat\.1\.jpg, dog\.0\.jpg\."):
        filename.filename(path=path, pattern=r"^(?P<target>cow)\.")
    with pytest.raises(DataError, match="finds the target 'cat' only"):
        filename.filename(path=path, pattern=r"^(?P<target>cat)\.")


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(?P<target>cat", r"is not a regular expression \(missing \), unterminated subpattern"),
        ("cat", r"has no group `\(\?P<target>\.\.\.\)`"),
        ("(?P<traget>cat)", "has a group 'traget', did you mean 'target'"),
    ],
)
def test_a_pattern_is_checked_before_anything_is_read(pattern: str, message: str) -> None:
    document = {"task": "image_classification", "source": {"kind": "filename", "path": "no/such", "pattern": pattern}}
    with pytest.raises(ConfigError, match=message):
        Pipeline(Path("pipelines/cats.yaml"), document).source  # noqa: B018 - reading it checks it


@pytest.mark.skipif(not PHOTOS.is_dir(), reason="the photos are not here: they would be in ../shared/data/cats_dogs")
def test_real_photos_in_one_flat_folder_have_the_targets_of_their_folders(tmp_path: Path) -> None:
    for photo in PHOTOS.glob("*/*.jpg"):
        shutil.copy(photo, tmp_path)
    samples = list(filename.filename(path=str(tmp_path), pattern=KAGGLE))
    assert len(samples) == 1000
    assert all((PHOTOS / str(s.target) / s.origin).is_file() for s in samples)
