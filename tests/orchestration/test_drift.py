"""Drift as an asset, and the one run that an alarm starts."""

import json
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import cv2
import dagster as dg
import numpy as np
import pytest
from dagster._core.test_utils import create_run_for_test
from workspace import DIGITS, Workspace, make_workspace

from dl_assets.config import load_pipeline
from dl_assets.errors import ConfigError
from dl_assets.orchestration import drift_asset
from dl_assets.orchestration.definitions import build_definitions
from dl_assets.orchestration.drift_asset import drift_key
from dl_assets.orchestration.drift_sensor import Memory, decide

HOUR = 3600.0
TEST = {"name": "brightness", "about": "inputs", "method": "ks", "statistic": 0.41234, "p_value": 1e-9, "limit": 0.1}
ALARM: dict[str, Any] = {
    "pipeline": "digits",
    "time": "2026-11-28T07:00:00+00:00",
    "model": sha256(b"one").hexdigest(),
    "window": {"rows": 1000, "first": "2026-11-27T07:00:00+00:00", "last": "2026-11-28T06:59:00+00:00"},
    "verdict": "drift",
    "reason": "The brightness of the pictures is another one.",
    "retrain": True,
    "tests": [
        {**TEST, "name": "width", "method": "psi", "p_value": None, "adjusted": None, "drifted": False},
        {**TEST, "adjusted": 3e-9, "drifted": True},
    ],
    "quality": {"accuracy": {"value": 0.8, "low": 0.75, "high": 0.85, "reference": 0.95}},
    "feedback_rows": 120,
}
STEADY = {**ALARM, "verdict": "steady", "reason": "All is as it was.", "retrain": False}
ONE, TWO = ALARM["model"], sha256(b"two").hexdigest()


def answer(memory: Memory | None, now: float, *, report: Any = ALARM, serving: str = ONE, run: str | None = None) -> Any:
    return decide(memory, report, now, 24, serving=lambda: serving, active=lambda: run)


def test_an_alarm_is_answered_by_one_run() -> None:
    memory = answer(None, 0)
    assert memory == Memory(ONE, ALARM["time"], 0)
    assert answer(memory, 99 * HOUR) == "A run has answered this alarm."


def test_the_next_alarm_about_the_same_model_waits_until_the_run_had_time_to_help() -> None:
    memory, later = Memory(ONE, "before", 0), {**ALARM, "time": "later"}
    assert answer(memory, 20 * HOUR, report=later) == (
        "A run has answered an alarm about this model; the next one may begin in 4.0 hours."
    )
    assert answer(memory, 25 * HOUR, report=later) == Memory(ONE, "later", 25 * HOUR)


def test_an_alarm_about_another_model_does_not_wait() -> None:
    later = {**ALARM, "time": "later", "model": TWO}
    assert answer(Memory(ONE, "before", 0), 1, report=later, serving=TWO) == Memory(TWO, "later", 1)


def test_an_alarm_about_a_model_that_was_replaced_starts_nothing() -> None:
    assert answer(None, 0, serving=TWO) == "The alarm is about a model that does not serve any more."


def test_a_run_of_the_pipeline_is_waited_for() -> None:
    assert answer(None, 0, run="0123456789") == "There is drift; the run 01234567 must end first."


@pytest.mark.parametrize(
    ("report", "message"),
    [(None, "Nobody has looked for drift yet."), (STEADY, "No run is asked for: All is as it was.")],
)
def test_without_an_alarm_nothing_begins_and_no_model_is_read(report: Any, message: str) -> None:
    assert decide(None, report, 0, 24, serving=pytest.fail, active=pytest.fail) == message


# ---- in Dagster ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = make_workspace(tmp_path_factory.mktemp("drift") / "w")
    for name, model in (("champion", b"one"), ("exported", b"two")):
        (made.root / "data/digits" / name).mkdir(parents=True)
        (made.root / "data/digits" / name / "model.onnx").write_bytes(model)
    return made


def repository(project: Workspace, sections: str) -> dg.RepositoryDefinition:
    project.write_pipeline("digits", DIGITS + sections)
    return build_definitions(project.root).get_repository_def()


def write_report(project: Workspace, report: dict[str, Any]) -> None:
    folder = project.root / "data/digits/reports/monitor"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "monitor.json").write_text(json.dumps(report))
    (folder / "monitor.html").write_text("<html>")
    cv2.imwrite(str(folder / "brightness.png"), np.zeros((4, 4), np.uint8))


def names(found: dg.RepositoryDefinition) -> set[str]:
    given = [*found.get_all_jobs(), *found.schedule_defs, *found.sensor_defs]
    return {one.name for one in given} & {"digits_monitor", "digits_watch", "digits_drift"}


def test_only_a_pipeline_with_the_section_is_watched(project: Workspace) -> None:
    assert names(repository(project, "")) == set()
    assert names(repository(project, "monitor: {}\n")) == {"digits_monitor", "digits_watch", "digits_drift"}
    assert names(repository(project, "monitor: {retrain: false}\n")) == {"digits_monitor", "digits_watch"}


@pytest.mark.parametrize(("sections", "parent"), [("promote: {}\n", "champion"), ("", "exported")])
def test_drift_is_that_of_the_model_that_serves(project: Workspace, sections: str, parent: str) -> None:
    graph = repository(project, f"monitor: {{}}\n{sections}").asset_graph
    assert graph.get(drift_key("digits")).parent_keys == {dg.AssetKey(["digits", parent])}
    assert drift_key("digits") not in repository(project, "monitor: {}\n").get_job("digits").asset_layer.executable_asset_keys


def test_the_schedule_waits_for_the_first_prediction(project: Workspace, tmp_path: Path) -> None:
    schedule = repository(project, 'monitor: {cron: "*/10 * * * *"}\n').get_schedule_def("digits_watch")
    assert (schedule.cron_schedule, schedule.default_status) == ("*/10 * * * *", dg.DefaultScheduleStatus.RUNNING)
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance, dg.build_schedule_context(instance) as context:
        waits = schedule.evaluate_tick(context)
        assert (waits.run_requests, waits.skip_message) == ([], "There is no prediction yet. Begin with: dl serve digits")
        (project.root / "data/digits/predictions").mkdir(exist_ok=True)
        (project.root / "data/digits/predictions/1.parquet").touch()
        assert len(schedule.evaluate_tick(context).run_requests) == 1


def materialise(project: Workspace, monkeypatch: pytest.MonkeyPatch, report: dict[str, Any]) -> dg.ExecuteInProcessResult:
    """Run the job; what the command would write is there already, so that a command which does nothing is enough."""
    found = repository(project, "monitor: {}\n")
    write_report(project, report)
    monkeypatch.setattr(drift_asset, "dl_command", lambda *words: [sys.executable, "-c", ""])
    with dg.DagsterInstance.ephemeral() as instance:
        return found.get_job("digits_monitor").execute_in_process(instance=instance)


def test_the_asset_shows_the_verdict_the_tests_and_the_pictures(project: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    result = materialise(project, monkeypatch, ALARM)
    (event,) = result.asset_materializations_for_node("digits__drift")
    shown = event.metadata
    assert [shown[name].value for name in ("verdict", "reason", "predictions", "drifted")] == [
        "drift",
        "The brightness of the pictures is another one.",
        1000,
        1,
    ]
    first, second = [record.data for record in shown["tests"].records]
    assert (first["name"], first["statistic"], first["adjusted"], first["drifted"]) == ("brightness", "0.4123", "3e-09", True)
    assert (second["name"], second["adjusted"]) == ("width", "-")
    assert shown["quality"].records[0].data == {
        "metric": "accuracy",
        "value": "0.8",
        "low": "0.75",
        "high": "0.85",
        "reference": "0.95",
    }
    assert shown["brightness"].value.startswith("![brightness](data:image/png;base64,")
    assert shown["monitor"].value.endswith("data/digits/reports/monitor/monitor.html")
    (check,) = result.get_asset_check_evaluations()
    assert (check.check_name, check.passed, check.severity) == ("steady", False, dg.AssetCheckSeverity.WARN)


def test_too_few_predictions_are_no_alarm(project: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    few = {**STEADY, "verdict": "too_few", "tests": [], "quality": None, "window": {"rows": 0, "first": None, "last": None}}
    (check,) = materialise(project, monkeypatch, few).get_asset_check_evaluations()
    assert check.passed


def test_a_look_that_fails_says_what_the_command_said(project: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    found = repository(project, "monitor: {}\n")
    code = "from dl_assets import progress; progress.fail('ERROR: no model serves. Run: dl promote digits', 2); exit(2)"
    monkeypatch.setattr(drift_asset, "dl_command", lambda *words: [sys.executable, "-c", code])
    with dg.DagsterInstance.ephemeral() as instance:
        result = found.get_job("digits_monitor").execute_in_process(instance=instance, raise_on_error=False)
    (failure,) = [event.step_failure_data for event in result.all_node_events if event.is_step_failure]
    assert "no model serves. Run: dl promote digits" in failure.error.message


def test_the_sensor_starts_the_pipeline_once(project: Workspace) -> None:
    found = repository(project, "monitor: {}\n")
    write_report(project, ALARM)
    sensor = found.get_sensor_def("digits_drift")
    assert (sensor.job_name, sensor.default_status) == ("digits", dg.DefaultSensorStatus.RUNNING)
    with dg.DagsterInstance.ephemeral() as instance:

        def tick(cursor: str | None) -> Any:
            return sensor.evaluate_tick(dg.build_sensor_context(instance, cursor=cursor, repository_def=found))

        run = create_run_for_test(instance, job_name="digits", status=dg.DagsterRunStatus.STARTED)
        assert tick(None).skip_message == f"There is drift; the run {run.run_id[:8]} must end first."
        instance.report_run_canceled(run)
        first = tick(None)
        assert len(first.run_requests) == 1
        assert tick(first.cursor).skip_message == "A run has answered this alarm."
        write_report(project, {**ALARM, "model": TWO})  # that of exported/, but the champion serves
        assert tick(None).skip_message == "The alarm is about a model that does not serve any more."


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ('{cron: "61 * * * *"}', "monitor.cron is '61 * * * *', which is not a cron expression"),
        ("{minimum: 500, window: 100}", "has minimum 500 and window 100, but no window would ever be full enough"),
        ("{cooldown: 3}", "monitor.cooldown is not known here, did you mean 'cooldown_hours'?"),
    ],
)
def test_a_mistake_in_the_section_is_told(tmp_path: Path, section: str, message: str) -> None:
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines/p.yaml").write_text(f"{DIGITS}monitor: {section}\n")
    with pytest.raises(ConfigError) as error:
        load_pipeline("p", tmp_path).check(("monitor",))
    assert message in str(error.value)
