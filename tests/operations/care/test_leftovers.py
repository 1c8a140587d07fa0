"""What maintenance deletes of what runs leave behind, and what it does not touch."""

import os
import time
from collections.abc import Iterator
from contextlib import chdir
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dl_assets.operations.care.leftovers import KINDS, clear
from dl_assets.runner import locked

PICTURE = b"123"


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines/pets.yaml").write_text("task: image_classification\nmonitor: {keep_days: 10}\n")
    with chdir(tmp_path):
        yield tmp_path


def put(root: Path, *names: str, days: float = 0) -> list[Path]:
    """Write files that were last touched so many days ago; so were their folders."""
    paths = [root / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PICTURE)
    then = time.time() - days * 86_400
    touched = {each for path in paths for each in (path, *path.parents) if each.is_relative_to(root) and each != root}
    for each in touched:
        os.utime(each, (then, then))
    return paths


def cleared(root: Path, *, dry_run: bool = False) -> dict[str, int]:
    told: list[str] = []
    found = clear(root, told.append, dry_run=dry_run)
    assert told == []
    return {name: freed.count for name, freed in found.items() if freed.count}


def test_the_workspace_of_a_killed_stage_goes_and_that_of_a_running_one_stays(root: Path) -> None:
    put(root, "data/.tmp/pets/train/model/half.ckpt", "data/.tmp/pets/clean/clean/half.npy")
    with locked(root / "data/.tmp/pets.train.lock"):
        assert cleared(root) == {"abandoned stages": 1}
    assert (root / "data/.tmp/pets/train/model/half.ckpt").exists()
    assert not (root / "data/.tmp/pets/clean").exists()


def test_what_a_next_run_goes_on_from_is_kept_for_two_weeks(root: Path) -> None:
    kept = (
        "train.checkpoints/last.ckpt",
        "train.failed/model/model.ckpt",
        "crossval/abc/fold-0/m.ckpt",
        "tune/abc/trial-0/m.ckpt",
    )
    put(root, *(f"data/.tmp/pets/{name}" for name in kept), "data/.tmp/pets.crossval.lock", days=13)
    assert cleared(root) == {}
    put(root, *(f"data/.tmp/pets/{name}" for name in kept), days=15)
    assert cleared(root) == {"failed results": 1, "checkpoints": 3}


def test_what_a_running_search_or_cross_validation_has_not_touched_for_long_stays(root: Path) -> None:
    put(root, "data/.tmp/pets/crossval/abc/m.ckpt", "data/.tmp/pets/tune/abc/augmented/p.json", days=15)
    with locked(root / "data/.tmp/pets.crossval.lock"), locked(root / "data/.tmp/pets/tune/abc/study.lock"):
        assert cleared(root) == {}


def test_what_a_stage_remembers_and_what_a_promotion_prepares_stay_for_ever(root: Path) -> None:
    put(root, "data/.tmp/pets/clean.memo/seen.parquet", "data/.tmp/pets/champion/intent.json", "data/.tmp/pets.sound", days=900)
    assert cleared(root) == {}


def test_logs_go_after_two_weeks_and_curves_with_their_pipeline(root: Path) -> None:
    put(root, "data/.tmp/logs/pets-12.log", "data/.tmp/pets.train.traceback.txt", "data/.tmp/logs/gone/a/events", days=15)
    put(root, "data/.tmp/logs/pets/a/events", days=900)
    put(root, "data/.tmp/logs/pets-13.log", days=1)
    assert cleared(root) == {"logs": 3}
    assert sorted(path.name for path in (root / "data/.tmp/logs").iterdir()) == ["pets", "pets-13.log"]


def test_a_download_that_broke_off_is_kept_for_two_weeks(root: Path) -> None:
    put(root, "data/incoming/.downloads/a.part", days=15)
    put(root, "data/incoming/.downloads/b.part", days=13)
    put(root, "data/incoming/.downloads/c.zip", days=900)
    assert cleared(root) == {"downloads": 1}


def stamped(days: float) -> str:
    return f"{datetime.now(UTC) - timedelta(days=days):%Y%m%dT%H%M%S.%fZ}"


def test_predictions_are_kept_as_long_as_the_file_says_and_else_for_ninety_days(root: Path) -> None:
    for name, days in {"pets": (9, 11), "gone": (89, 91)}.items():
        put(root, *(f"data/{name}/predictions/{stamped(each)}-7-1.parquet" for each in days))
        put(root, f"data/{name}/predictions/{stamped(900)}-7-2.jsonl")  # a journal: a server turns it into Parquet
    assert cleared(root) == {"predictions": 2}
    assert len(list(root.glob("data/*/predictions/*"))) == 4


def test_predictions_of_a_broken_pipeline_file_are_kept(root: Path) -> None:
    put(root, f"data/pets/predictions/{stamped(900)}-7-1.parquet")
    (root / "pipelines/pets.yaml").write_text("task: [")
    assert cleared(root) == {}


def test_pages_of_failures_go_after_ninety_days(root: Path) -> None:
    put(root, f"data/pets/failures/{stamped(91)}.md", f"data/pets/failures/{stamped(89)}.md")
    assert cleared(root) == {"pages of failures": 1}


def test_an_experiment_goes_in_which_nobody_stands(root: Path) -> None:
    put(root, ".dvc/tmp/exps/standalone/tmpold/dvc.yaml", ".dvc/tmp/exps/tmpqueue/dvc.yaml", days=1)
    put(root, ".dvc/tmp/exps/standalone/tmpnew/dvc.yaml")
    with chdir(root / ".dvc/tmp/exps/tmpqueue"):
        assert cleared(root) == {"experiments": 1}
    assert not (root / ".dvc/tmp/exps/standalone/tmpold").exists()


def test_a_dry_run_counts_the_same_and_deletes_nothing(root: Path) -> None:
    (path,) = put(root, "data/.tmp/pets/clean/clean/half.npy")
    assert cleared(root, dry_run=True) == {"abandoned stages": 1}
    assert path.exists()
    assert clear(root, print, dry_run=False)["abandoned stages"].size_bytes == len(PICTURE)


def test_what_cannot_be_deleted_is_told_and_the_rest_goes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(root, "data/.tmp/pets/clean/a", "data/.tmp/pets/train/b")

    def refuse(path: Path) -> None:
        if path.name == "clean":
            raise PermissionError(1, "not permitted")

    monkeypatch.setattr("dl_assets.files.remove", refuse)
    told: list[str] = []
    assert clear(root, told.append, dry_run=False)["abandoned stages"].count == 1
    assert "pets/clean cannot be deleted (not permitted)" in told[0]


def test_without_anything_every_kind_is_told_as_none(root: Path) -> None:
    assert set(clear(root, print, dry_run=False)) == set(KINDS)
    assert cleared(root) == {}
