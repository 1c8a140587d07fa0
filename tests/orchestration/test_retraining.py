"""What a schedule starts, which stages it runs although DVC sees no change, and whom the jobs and assets belong to."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.utils import is_valid_owner
from dagster._core.test_utils import create_run_for_test
from dagster._utils.tags import normalize_tags
from workspace import DIGITS, Workspace, make_workspace

from dl_assets.config import load_pipeline
from dl_assets.errors import ConfigError
from dl_assets.orchestration.definitions import build_definitions
from dl_assets.orchestration.execution import job_command, reproduce_command
from dl_assets.orchestration.graph import load_graph
from dl_assets.orchestration.retraining import ingested_anew

PEOPLE = """\
task: tabular_classification
source: {kind: table, url: 'sqlite:///people.db', query: SELECT * FROM people ORDER BY id, id: id, target: target}
clean: {}
split: {}
augment: []
model: {name: fnn}
train: {}
evaluate: {}
export: {}
schedule: {cron: "0 3 * * *", force: true}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_workspace(tmp_path_factory.mktemp("retraining") / "w")


def repository(project: Workspace) -> dg.RepositoryDefinition:
    return build_definitions(project.root).get_repository_def()


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """A schedule is only evaluated with one that can be opened again."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as made:
        yield made


def tick(found: dg.RepositoryDefinition, name: str, instance: dg.DagsterInstance) -> Any:
    with dg.build_schedule_context(instance) as context:
        return found.get_schedule_def(name).evaluate_tick(context)


@pytest.mark.parametrize(
    ("source", "is_anew"),
    [
        ("{kind: folder, path: photos}", False),
        ("{kind: folder, path: photos/}", False),
        ("{kind: folder, path: 'https://host/photos/'}", True),
        ("{kind: archive, path: 'https://host/photos.zip'}", True),
        ("{kind: archive, path: 's3://bucket/photos.zip'}", False),
        ("{kind: filename, path: 'http://host/photos.zip', pattern: '^(?P<target>cat|dog)'}", True),
        ("{kind: manifest, path: a/b.csv, file: f, target: t}", False),
        ("{kind: manifest, path: a/b.csv, file: f, target: t, root: 'https://host/x'}", False),
        ("{kind: manifest, path: 'https://host/b.csv', file: f, target: t}", True),
        ("{kind: table, path: [t/a.csv, t/b.csv, t/c.csv], target: t}", False),
        ("{kind: table, path: [a.csv, data/b.csv, c.csv], target: t}", True),  # DVC sees the first and the last
        ("{kind: table, path: 'https://host/a.csv', target: t}", True),
        ("{kind: table, url: 'sqlite:///a.db', query: people, target: t}", True),
        ("{kind: builtin, name: digits}", False),
        (f"{{kind: download, url: 'https://host/a.zip', sha256: '{'0' * 64}', licence: mine}}", False),
    ],
)
def test_what_dvc_cannot_see_into_is_ingested_anew(project: Workspace, source: str, is_anew: bool) -> None:
    project.write_pipeline("pets", DIGITS.replace("{kind: builtin, name: digits}", source))
    project.call("dl", "sync")
    found = ingested_anew(load_graph(project.root), load_pipeline("pets", project.root))
    (project.root / "pipelines/pets.yaml").unlink()
    assert found == (["ingest@pets"] if is_anew else [])


@pytest.mark.parametrize(
    ("schedule", "forced"),
    [('{cron: "0 3 * * 1"}', {}), ('{cron: "0 3 * * 1", force: true}', {"dl/force": "train@digits"})],
)
def test_a_scheduled_run_trains_although_nothing_changed_where_the_file_says_so(
    project: Workspace, instance: dg.DagsterInstance, schedule: str, forced: dict[str, str]
) -> None:
    project.write_pipeline("digits", DIGITS.replace('{cron: "0 3 * * 1"}', schedule))
    (request,) = tick(repository(project), "digits_retrain", instance).run_requests
    assert {key: value for key, value in request.tags.items() if key.startswith("dl/")} == forced


def test_a_schedule_whose_last_run_still_goes_on_adds_none_to_it(project: Workspace, instance: dg.DagsterInstance) -> None:
    project.write_pipeline("digits", DIGITS)
    tags = {"dagster/schedule_name": "digits_retrain"}
    run = create_run_for_test(instance, job_name="digits", status=dg.DagsterRunStatus.STARTED, tags=tags)
    late = tick(repository(project), "digits_retrain", instance)
    assert (late.run_requests, late.skip_message) == ([], f"The scheduled run {run.run_id[:8]} has not ended yet.")


def test_the_commands_of_both_doors_say_what_is_forced() -> None:
    assert reproduce_command(["a@x", "b@x"], ["b@x"])[-4:] == ["a@x", "b@x", "--force", "b@x"]
    assert job_command("x", "b", ["b@x"])[-4:] == ["x", "b", "--force", "b@x"]
    assert job_command("x", None)[-1] == "x"


def test_a_database_is_asked_anew_in_each_scheduled_run_which_ends_where_its_content_is_the_same(
    project: Workspace, instance: dg.DagsterInstance
) -> None:
    """The one test that runs stages: each step is `dl_assets.orchestration.reproduce` in a process of its own."""
    with sqlite3.connect(project.root / "people.db") as database:
        database.execute("CREATE TABLE people (id INTEGER, age REAL, target TEXT)")
        database.executemany("INSERT INTO people VALUES (?, ?, ?)", [(n, n * n, "yes" if n % 3 else "no") for n in range(60)])
    database.close()
    project.write_pipeline("people", PEOPLE)
    keys = [dg.AssetKey(["people", name]) for name in ("raw", "clean")]
    with contextlib.chdir(project.root):
        found = repository(project)
        (request,) = tick(found, "people_retrain", instance).run_requests
        assert request.tags["dl/force"] == "ingest@people train@people"

        def run(*selected: dg.AssetKey) -> list[str]:
            result = found.get_job("people").execute_in_process(
                asset_selection=list(selected), tags=dict(request.tags), instance=instance
            )
            said = [record.user_message for record in instance.all_logs(result.run_id)]
            return [line for line in said if line.startswith(("ingest@people", "clean@people")) and "running" not in line]

        assert run(*keys) == ["ingest@people: done", "clean@people: done"]
        assert run(*keys) == ["ingest@people: done", "clean@people: unchanged, skipped"]


# ---- jobs and assets -------------------------------------------------------------------------------------------


def test_a_run_that_takes_longer_than_the_file_says_is_ended_by_dagster(project: Workspace) -> None:
    project.write_pipeline("digits", DIGITS.replace('{cron: "0 3 * * 1"}', "{max_hours: 1.5}"))
    job = repository(project).get_job("digits")
    assert job.run_tags["dagster/max_runtime"] == "5400"
    assert "A run that takes longer than 1.5 hours is ended." in (job.description or "")


def test_owners_and_tags_are_on_every_asset_and_on_the_job_and_its_runs(project: Workspace) -> None:
    about = "owners: ['team:vision', ann@example.com]\ntags: {domain: medicine}\npromote: {}\n"
    project.write_pipeline("digits", DIGITS + about)
    found = repository(project)
    job = found.get_job("digits")
    assert (job.owners, job.tags["domain"], job.run_tags["domain"]) == (["team:vision", "ann@example.com"], *["medicine"] * 2)
    nodes = [node for node in found.asset_graph.asset_nodes if node.key.path[0] == "digits"]
    assert len(nodes) == 8
    for node in nodes:
        assert (list(node.owners), node.tags["domain"]) == (["team:vision", "ann@example.com"], "medicine")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (DIGITS + "owners: [ann]\n", "pipelines/digits.yaml:11: owners[0] is 'ann', which is neither a team"),
        (DIGITS.replace("name: digits", "name: digitz"), "pipelines/digits.yaml:2: source.name is 'digitz', did you mean"),
    ],
)
def test_a_mistake_in_the_file_leaves_the_job_and_is_told(
    project: Workspace, caplog: pytest.LogCaptureFixture, text: str, told: str
) -> None:
    project.write_pipeline("digits", text)
    found = repository(project)
    assert found.has_job("digits") and not found.has_schedule_def("digits_retrain")
    assert told in caplog.text


def test_descriptions_say_when_what_is_skipped_and_the_command_for_a_terminal(project: Workspace) -> None:
    project.write_pipeline("digits", DIGITS.replace('{cron: "0 3 * * 1"}', '{cron: "0 3 * * 1", force: true}'))
    found = repository(project)
    assert found.get_schedule_def("digits_retrain").description == (
        "Runs digits at '0 3 * * 1' (UTC). What is unchanged is skipped. It trains although nothing changed. "
        "In a terminal: `dl run digits --force`"
    )
    assert "the tag `dl/force: train@digits` of a run trains anyway" in (found.get_job("digits").description or "")
    assert (found.asset_graph.get(dg.AssetKey(["digits", "parts"])).description or "").endswith(
        "Skipped where nothing that it reads has changed. In a terminal: `dl run digits split`, or `dvc repro split@digits`"
    )


GOOD = ["team:vision", "ann@example.com", "a.b+c%d@x-y.co.uk"]
BAD = ["ann", "team:", "ann@example", "ann@example.technology", "an n@example.com", "@example.com"]


@pytest.mark.parametrize("owner", [*GOOD, *BAD])
def test_an_owner_is_one_for_us_where_he_is_one_for_dagster(tmp_path: Path, owner: str) -> None:
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines/p.yaml").write_text(f"{DIGITS}owners: ['{owner}']\n")
    assert is_valid_owner(owner) == (owner in GOOD)
    with contextlib.nullcontext() if owner in GOOD else pytest.raises(ConfigError, match="owners\\[0\\] is '"):
        assert load_pipeline("p", tmp_path).owners == [owner]


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        ("domain: medicine", None),
        ("clinic/domain: ''", None),
        ("domain: 'two words'", "tags.domain is 'two words', which is no value of a tag"),
        ("'two words': x", "tags.two words is 'two words', which is no name of a tag"),
        ("year: 2026", "tags.year is 2026, but must be text; put it in quotes"),
        ("dagster/max_runtime: '1'", "begins with dagster/, which is for the tools themselves. Choose another name."),
        (f"long: {'x' * 64}", "which is no value of a tag: at most 63 of"),
    ],
)
def test_a_tag_is_one_for_us_where_it_is_one_for_dagster(tmp_path: Path, tag: str, message: str | None) -> None:
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines/p.yaml").write_text(f"{DIGITS}tags: {{{tag}}}\n")
    config = load_pipeline("p", tmp_path)
    if message is None:
        assert normalize_tags(config.tags, strict=True) == config.tags
    else:
        with pytest.raises(ConfigError) as error:
            config.check(("tags",))
        assert message in str(error.value)
