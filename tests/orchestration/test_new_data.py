"""New raw data starts one run: not while it is being copied, not twice, and not where it is ingested already."""

import os
import shutil
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test
from dvc.repo import Repo
from web import Web
from workspace import DIGITS, Workspace, make_workspace

from dl_assets.config import load_pipeline
from dl_assets.errors import ConfigError, DataError, Outage
from dl_assets.orchestration.definitions import build_definitions
from dl_assets.orchestration.new_data import Memory, decide
from dl_assets.orchestration.raw_data import look

NEVER = pytest.fail


def start(memory: Memory | None, stamp: str, now: float, *, run: str | None = None, known: bool | None = False) -> Any:
    return decide(memory, stamp, now, 60, active=lambda: run, is_ingested=lambda: known)


def test_changed_data_starts_one_run_when_it_has_settled() -> None:
    memory = Memory("old", 0, "old")
    seen = []
    for now, stamp in ((10, "old"), (40, "half"), (70, "more"), (100, "whole"), (130, "whole"), (160, "whole"), (999, "whole")):
        memory, waits = start(memory, stamp, now)
        seen.append((now, waits is None))
    assert [now for now, begins in seen if begins] == [160]


def test_nothing_expensive_is_asked_while_nothing_changed_or_data_is_copied() -> None:
    for memory, stamp in ((Memory("old", 0, "old"), "old"), (Memory("old", 0, "old"), "new"), (None, "new")):
        assert decide(memory, stamp, 90, 60, active=NEVER, is_ingested=NEVER).waits


def test_a_run_of_the_pipeline_is_waited_for_and_the_change_is_not_forgotten() -> None:
    memory = Memory("new", 0, "old")
    waiting = start(memory, "new", 100, run="0123456789")
    assert waiting == (memory, "The raw data changed; the run 01234567 must end first.")
    assert start(waiting.memory, "new", 130).waits is None


def test_what_is_ingested_already_starts_no_run_and_is_not_asked_for_again() -> None:
    decision = start(Memory("new", 0, "old"), "new", 100, known=True)
    assert decision == (Memory("new", 0, "new"), "The raw data is what was ingested last.")
    assert decide(decision.memory, "new", 130, 60, active=NEVER, is_ingested=NEVER).waits == "The raw data has not changed."


def test_where_nobody_can_tell_the_first_look_counts_as_ingested_and_every_later_change_as_new() -> None:
    first = start(Memory("a", 0, None), "a", 100, known=None)
    assert first == (Memory("a", 0, "a"), "The raw data is what was ingested last.")
    assert start(Memory("b", 200, "a"), "b", 300, known=None).waits is None


def test_going_back_to_former_content_starts_a_run_of_its_own() -> None:
    keys = {f"{memory.stamp} {memory.since}" for memory in (Memory("a", 1, "b"), Memory("a", 2, "b"))}
    assert len(keys) == 2
    assert start(Memory("a", 2, "b"), "a", 100).waits is None


# ---- what is looked at -----------------------------------------------------------------------------------------


def fill(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_a_stamp_changes_with_every_file_of_a_folder_and_with_no_litter(tmp_path: Path) -> None:
    folder = fill(tmp_path / "photos", cat="1", dog="2")
    stamps = [look(["photos"], tmp_path).stamp]

    def changed() -> bool:
        stamps.append(look(["photos"], tmp_path).stamp)
        return stamps[-1] != stamps[-2]

    assert not changed()
    (folder / ".DS_Store").write_text("x")
    assert not changed()
    fill(folder, cow="3")
    assert changed()
    (folder / "cow.jpg").rename(folder / "ox.jpg")
    assert changed()
    os.utime(folder / "ox.jpg", ns=(1, 1))
    assert changed()
    (folder / "ox.jpg").unlink()
    assert changed()
    assert look(["photos"], tmp_path).num_bytes == 2


@pytest.mark.parametrize("changed", ["a.csv", "b.csv"])
def test_each_of_several_files_counts(tmp_path: Path, changed: str) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("x")
    before = look(["a.csv", "b.csv"], tmp_path)
    (tmp_path / changed).write_text("xy")
    assert look(["a.csv", "b.csv"], tmp_path).stamp != before.stamp


def test_a_url_is_asked_for_its_etag_and_not_fetched(tmp_path: Path) -> None:
    fill(tmp_path, photos="zip")
    web = Web(tmp_path)
    url = f"{web.url}/photos.jpg"
    try:
        before = look([url], tmp_path)
        os.utime(tmp_path / "photos.jpg", (1, 1))
        assert look([url], tmp_path).stamp != before.stamp
        assert web.asked == []  # no GET
        with pytest.raises(DataError, match="the server answers 404"):
            look([f"{web.url}/nothing.zip"], tmp_path)
    finally:
        web.close()
    with pytest.raises(Outage, match=r"does not answer .*Connection refused"):
        look([url], tmp_path)


def test_what_lies_in_a_store_counts_with_all_its_files(tmp_path: Path) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe("/photos/a.jpg", b"1")
    before = look(["memory://photos"], tmp_path)
    memory.pipe("/photos/b.jpg", b"2")
    assert look(["memory://photos"], tmp_path).stamp != before.stamp
    memory.rm("/photos", recursive=True)
    with pytest.raises(DataError, match="memory://photos"):
        look(["memory://photos"], tmp_path)


# ---- the sensor ------------------------------------------------------------------------------------------------

PETS = DIGITS.replace("{kind: builtin, name: digits}", "{kind: folder, path: photos}").replace(
    'cron: "0 3 * * 1"', "new_data: true, settle_seconds: 0"
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = make_workspace(tmp_path_factory.mktemp("new_data") / "w")
    made.write_pipeline("pets", PETS)
    return made


class Ticks:
    """Evaluates the sensor of `pets` as the daemon does, tick after tick."""

    def __init__(self, project: Workspace, instance: dg.DagsterInstance) -> None:
        self.repository = build_definitions(project.root).get_repository_def()
        self.sensor = self.repository.get_sensor_def("pets_new_data")
        self.instance, self.cursor = instance, None

    def next(self) -> Any:
        context = dg.build_sensor_context(instance=self.instance, cursor=self.cursor, repository_def=self.repository)
        tick = self.sensor.evaluate_tick(context)
        self.cursor = tick.cursor
        return tick.run_requests or tick.skip_message


@pytest.fixture
def ticks(project: Workspace) -> Iterator[Ticks]:
    shutil.rmtree(project.root / "photos", ignore_errors=True)
    (project.root / "dvc.lock").unlink(missing_ok=True)
    fill(project.root / "photos/cat", a="1")
    fill(project.root / "photos/dog", b="2")
    with dg.DagsterInstance.ephemeral() as instance:
        yield Ticks(project, instance)


def ingested(project: Workspace) -> None:
    """Let DVC take down that what is in photos/ is ingested, as it does after the stage."""
    (project.root / "data/pets/raw").mkdir(parents=True, exist_ok=True)
    (project.root / "data/pets/reports").mkdir(exist_ok=True)
    (project.root / "data/pets/reports/ingest.json").write_text("{}")
    with chdir(project.root), Repo() as repo:
        repo.commit("ingest@pets", force=True)


def test_the_sensor_is_on_and_starts_the_job_once_for_data_that_was_never_ingested(ticks: Ticks) -> None:
    assert ticks.sensor.default_status is dg.DefaultSensorStatus.RUNNING
    assert ticks.sensor.job_name == "pets"
    (request,) = ticks.next()
    assert request.tags.get("dl/force") is None  # DVC sees the folder itself
    assert ticks.next() == "The raw data has not changed."


def test_the_sensor_starts_nothing_for_what_dvc_lock_has_and_one_run_for_what_comes(project: Workspace, ticks: Ticks) -> None:
    ingested(project)
    assert ticks.next() == "The raw data is what was ingested last."
    os.utime(project.root / "photos/cat/a.jpg", (1, 1))  # touched, but the same
    assert ticks.next() == "The raw data is what was ingested last."
    fill(project.root / "photos/cat", c="3")
    assert len(ticks.next()) == 1
    assert ticks.next() == "The raw data has not changed."


def test_the_sensor_waits_for_the_end_of_a_run(ticks: Ticks) -> None:
    run = create_run_for_test(ticks.instance, job_name="pets", status=dg.DagsterRunStatus.STARTED)
    assert ticks.next() == f"The raw data changed; the run {run.run_id[:8]} must end first."
    ticks.instance.report_run_canceled(run)
    assert len(ticks.next()) == 1


def test_a_source_that_vanished_is_told_and_the_same_data_coming_back_is_no_news(project: Workspace, ticks: Ticks) -> None:
    assert len(ticks.next()) == 1
    (project.root / "photos").rename(project.root / "gone")
    assert "photos does not exist" in ticks.next()
    (project.root / "gone").rename(project.root / "photos")
    assert ticks.next() == "The raw data has not changed."


def test_a_run_for_a_url_ingests_anew_and_a_server_that_is_gone_is_told(tmp_path: Path, project: Workspace) -> None:
    (project.root / "dvc.lock").unlink(missing_ok=True)
    fill(tmp_path, photos="zip")
    web = Web(tmp_path)
    project.write_pipeline(
        "pets", PETS.replace("{kind: folder, path: photos}", f"{{kind: archive, path: '{web.url}/photos.jpg'}}")
    )
    with dg.DagsterInstance.ephemeral() as instance:
        ticks = Ticks(project, instance)
        (request,) = ticks.next()
        assert request.tags["dl/force"] == "ingest@pets"
        web.close()
        assert f"{web.url}/photos.jpg does not answer" in ticks.next()
    project.write_pipeline("pets", PETS)


@pytest.mark.parametrize(
    ("source", "places"),
    [
        ("{kind: folder, path: photos}", ("photos",)),
        ("{kind: archive, path: photos.zip}", ("photos.zip",)),
        ("{kind: filename, path: photos, pattern: '^(?P<target>cat|dog)'}", ("photos",)),
        ("{kind: manifest, path: a/b.csv, file: f, target: t}", ("a/b.csv", "a")),
        ("{kind: manifest, path: a/b.csv, file: f, target: t, root: 'https://host/x'}", ("a/b.csv",)),
        ("{kind: manifest, path: 'https://host/b.csv', file: f, target: t}", ("https://host/b.csv",)),
        ("{kind: table, path: [a.csv, b.csv, c.csv], target: t}", ("a.csv", "b.csv", "c.csv")),
    ],
)
def test_every_source_says_what_is_looked_at(tmp_path: Path, source: str, places: tuple[str, ...]) -> None:
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines/pets.yaml").write_text(PETS.replace("{kind: folder, path: photos}", source))
    config = load_pipeline("pets", tmp_path)
    assert config.raw_data == places
    assert config.schedule.new_data


@pytest.mark.parametrize(
    "source", ["{kind: builtin, name: digits}", "{kind: table, url: 'sqlite:///a.db', query: people, target: t}"]
)
def test_data_into_which_nobody_can_look_is_told_at_the_door(tmp_path: Path, source: str) -> None:
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines/pets.yaml").write_text(PETS.replace("{kind: folder, path: photos}", source))
    with pytest.raises(ConfigError, match=r"pets.yaml:10: schedule.new_data is true, but a source of kind '(builtin|table)'"):
        load_pipeline("pets", tmp_path).schedule  # noqa: B018
