"""What is told of a run that failed, that it is told once, and that a success after it is told too."""

import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from contest import DOCUMENT
from web import Web

from dl_assets.operations.care.failure import Failure, write_failure
from dl_assets.orchestration.dead_runs import WORKER_TAG, bury_dead_runs
from dl_assets.orchestration.execution import RunFailed, reproduce_command
from dl_assets.orchestration.failures import make_failure_sensors
from dl_assets.orchestration.retries import fail_step
from dl_assets.orchestration.webserver import WEBSERVER


class Deployment:
    """A root with the pipeline `pets`, an instance, and the two sensors with their cursors."""

    def __init__(self, root: Path, web: Web, instance: dg.DagsterInstance) -> None:
        self.root, self.folder = root, root / "data" / "pets" / "failures"
        (root / "pipelines").mkdir()
        notify = {"webhook": f"{web.url}/hook"}
        (root / "pipelines/pets.yaml").write_text(json.dumps({**DOCUMENT, "notify": notify}))  # JSON is YAML
        self.instance = instance
        self._sensors = make_failure_sensors(root, ["pets"])
        self._cursors: dict[str, str | None] = {}
        self.tick()  # what was before does not count

    def tick(self) -> None:
        for sensor in self._sensors:
            context = dg.build_sensor_context(self.instance, cursor=self._cursors.get(sensor.name))
            found = sensor.evaluate_tick(context)
            assert [reaction.error for reaction in found.dagster_run_reactions or () if reaction.error] == []
            self._cursors[sensor.name] = found.cursor

    def run(self, name: str, step: str, body: Callable[[Any], None]) -> dg.ExecuteInProcessResult:
        op = dg.OpDefinition(compute_fn=lambda context, _: body(context), name=step, outs={})
        graph = dg.GraphDefinition(name, node_defs=[op])
        return graph.to_job(name).execute_in_process(instance=self.instance, raise_on_error=False)

    def pages(self) -> list[str]:
        return [path.read_text() for path in sorted(self.folder.glob("*"))]


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    made = Web(tmp_path)
    yield made
    made.close()


@pytest.fixture
def deployment(tmp_path: Path, web: Web, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployment]:
    monkeypatch.setenv(WEBSERVER, "http://127.0.0.1:3000")
    with dg.DagsterInstance.ephemeral() as instance:
        yield Deployment(tmp_path, web, instance)


def fails(context: dg.OpExecutionContext) -> None:
    print("epoch=3")
    print("it broke", file=sys.stderr)
    try:
        raise RunFailed("the loss is no number. Set a lower train.learning_rate.", 1, reproduce_command(["train@pets"]))
    except RunFailed as error:
        fail_step(context, error)


def works(context: dg.OpExecutionContext) -> None:
    pass


def test_a_failed_run_leaves_a_page_and_tells_the_webhook_once(deployment: Deployment, web: Web) -> None:
    run = deployment.run("pets", "pets__train", fails)
    deployment.tick()
    deployment.tick()
    (page,), (message,) = deployment.pages(), web.posted
    link = f"http://127.0.0.1:3000/runs/{run.run_id}"
    assert page.startswith("# train@pets failed\n\nthe loss is no number. Set a lower train.learning_rate.\n")
    for told in ("Pipeline: pets", "Duration: 0 s", link, "To repeat it: `dl run pets`"):
        assert told in page
    expected = {"event": "failed", "pipeline": "pets", "job": "pets", "what": "train@pets", "exit_code": 1, "link": link}
    assert message.items() >= expected.items()
    assert message["text"].startswith("train@pets failed: the loss is no number.")


def test_the_last_lines_of_the_log_are_told(tmp_path: Path, web: Web, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "dagster").mkdir()
    (tmp_path / "dagster/dagster.yaml").write_text("telemetry: {enabled: false}\n")  # else it greets in the log, once a machine
    deployment = Deployment(tmp_path, web, dg.DagsterInstance.local_temp(str(tmp_path / "dagster")))
    with capfd.disabled():
        deployment.run("pets", "pets__train", fails)
    deployment.tick()
    assert web.posted[0]["last_lines"] == ["epoch=3", "it broke"]
    assert "\nepoch=3\n" in deployment.pages()[0]


def test_the_next_success_of_the_same_job_is_told_once_and_that_of_another_is_none(deployment: Deployment, web: Web) -> None:
    deployment.run("pets", "pets__train", works)
    deployment.run("pets", "pets__train", fails)
    deployment.run("pets_crossval", "pets__crossval", works)
    deployment.tick()
    assert [message["event"] for message in web.posted] == ["failed"]
    deployment.run("pets", "pets__train", works)
    deployment.run("pets", "pets__train", works)
    deployment.tick()
    assert [message["event"] for message in web.posted] == ["failed", "recovered"]
    assert web.posted[1]["text"].startswith("pets works again. http://127.0.0.1:3000/runs/")


def test_an_operation_is_repeated_by_its_own_command(deployment: Deployment) -> None:
    def operation(context: dg.OpExecutionContext) -> None:
        try:
            raise RunFailed(
                "too few.", 2, [sys.executable, "-m", "dl_assets.orchestration.command", "crossval", "pets", "--folds", "2"]
            )
        except RunFailed as error:
            fail_step(context, error)

    deployment.run("pets_crossval", "pets__crossval", operation)
    deployment.tick()
    (page,) = deployment.pages()
    assert "# crossval@pets failed" in page
    assert "Mend what the message names" in page
    assert "`dl crossval pets --folds 2`" in page


def test_a_run_that_was_killed_is_told_with_what_the_run_says(deployment: Deployment) -> None:
    @dg.job(name="pets")
    def job() -> None:
        pass

    deployment.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags={WORKER_TAG: "1 0.00"})
    bury_dead_runs(deployment.instance)
    deployment.tick()
    (page,) = deployment.pages()
    assert page.startswith("# pets failed\n\nThe process of this run was killed from outside.")


def test_a_mistake_of_ours_is_told_by_its_own_words(deployment: Deployment) -> None:
    def broken(context: dg.OpExecutionContext) -> None:
        raise KeyError("shard")

    deployment.run("pets", "pets__clean", broken)
    deployment.tick()
    assert "KeyError: 'shard'" in deployment.pages()[0]


def test_a_webhook_that_fails_and_a_pipeline_file_that_is_broken_keep_the_page(deployment: Deployment, web: Web) -> None:
    web.statuses = [404]
    deployment.run("pets", "pets__train", fails)
    deployment.tick()
    (deployment.root / "pipelines/pets.yaml").write_text("task: [")
    deployment.run("pets", "pets__train", fails)
    deployment.tick()
    assert len(deployment.pages()) == 2
    assert len(web.posted) == 1


def test_fifty_pages_are_kept(tmp_path: Path) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    told = {"exit_code": None, "command": "dl run pets", "seconds": None, "link": None}
    for number in range(53):
        write_failure(
            tmp_path, Failure("pets", "pets", "pets", f"{number}.", time=start + timedelta(days=number), run="r", **told)
        )
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 50
    assert names[0] == "20260104T000000.000000Z.md"
