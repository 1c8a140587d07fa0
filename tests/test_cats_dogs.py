"""A folder of real photos, which no option was written for, goes through `dl new` and `dl run` as it is."""

import json
import re
from typing import Any

import polars as pl
import pytest
from workspace import REPOSITORY, Workspace, make_workspace

from dl_assets.artifacts.tables import read_parted

PHOTOS = REPOSITORY.parent / "shared" / "data" / "cats_dogs"

pytestmark = pytest.mark.skipif(
    not PHOTOS.is_dir(), reason="the photos are not here: they would be in ../shared/data/cats_dogs"
)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A clone in which the photos were learnt from for one epoch, and otherwise with what `dl new` chose."""
    made = make_workspace(tmp_path_factory.mktemp("cats_dogs") / "w")
    made.run("dl", "new", "cats_dogs", "--source", str(PHOTOS))
    path = made.root / "pipelines" / "cats_dogs.yaml"
    text, count = re.subn(r"\bbudget_minutes: \d+", "epochs: 1", path.read_text())
    assert count == 1
    path.write_text(text)
    made.run("dl", "run", "cats_dogs")
    return made


def read(ran: Workspace, name: str) -> dict[str, Any]:
    return json.loads((ran.root / "data" / "cats_dogs" / name).read_text())


def test_the_readme_and_one_of_two_photos_that_show_the_same_are_rejected_by_name(ran: Workspace) -> None:
    assert read(ran, "reports/ingest.json")["counts"]["samples"] == 1001
    counts = read(ran, "reports/clean.json")["counts"]
    assert (counts["kept"], counts["rejected"]) == (999, 2)
    rejected = pl.read_parquet(ran.root / "data/cats_dogs/clean/rejected.parquet")
    found = rejected.select("origin", "reason").rows()
    assert found == [("README.md", "no_label"), ("dog/dog.74.jpg", "near_duplicate")]


def test_both_classes_are_in_every_part(ran: Workspace) -> None:
    folder = ran.root / "data" / "cats_dogs"
    samples = read_parted(folder / "clean", folder / "parts")
    counts = samples.group_by("part", "target").len().sort("part", "target").rows()
    assert counts == [
        ("test", "cat", 75),
        ("test", "dog", 75),
        ("train", "cat", 350),
        ("train", "dog", 349),
        ("val", "cat", 75),
        ("val", "dog", 75),
    ]


def test_the_run_is_complete_and_certified(ran: Workspace) -> None:
    assert read(ran, "exported/signature.json")["output"]["fitted"]["classes"] == ["cat", "dog"]
    assert all(check["passed"] for check in read(ran, "reports/export.json")["checks"].values())
    assert read(ran, "evaluation/metrics.json")["support"]["value"] == 150
    assert (ran.root / "data/cats_dogs/evaluation/report.html").stat().st_size > 0


def test_no_photo_is_copied_to_anywhere_but_data_and_its_cache(ran: Workspace) -> None:
    places = [
        path for path in ran.root.rglob("*") if path.is_file() and path.relative_to(ran.root).parts[0] not in ("data", ".git")
    ]
    outside = [path for path in places if path.relative_to(ran.root).parts[:2] != (".dvc", "cache")]
    assert not [path for path in outside if path.read_bytes()[:3] == b"\xff\xd8\xff"]
    new = {line[3:] for line in ran.run("git", "status", "--porcelain", "-uall").stdout.splitlines()}
    kept_by_git = {
        path for path in new if not path.startswith(("data/cats_dogs/reports/", "data/cats_dogs/evaluation/metrics"))
    }
    assert kept_by_git == {"dvc.lock", "pipelines/cats_dogs.yaml", "pipelines/index.yaml"}
