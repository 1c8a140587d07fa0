"""Cross-validation and tuning as Dagster jobs: what is offered, and a run that shows, fails and ends as it should."""

import json
from collections.abc import Iterator
from typing import Any

import dagster as dg
import psutil
import pytest
from workspace import DIGITS, Workspace, make_workspace, wait_for

from dl_assets.orchestration.definitions import build_definitions
from dl_assets.orchestration.operation_jobs import OPERATIONS, operation_jobs

OP = "digits__crossval"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    made = make_workspace(tmp_path_factory.mktemp("operations") / "w")
    yield made
    for process in made.processes():
        process.kill()


def job_of(project: Workspace) -> dg.JobDefinition:
    return build_definitions(project.root).get_job_def("digits_crossval")


def execute(project: Workspace, instance: dg.DagsterInstance, **config: Any) -> dg.ExecuteInProcessResult:
    run_config = {"ops": {OP: {"config": config}}}
    return job_of(project).execute_in_process(run_config, instance=instance, raise_on_error=False)


def test_every_pipeline_can_be_cross_validated_and_those_with_a_tune_section_tuned(project: Workspace) -> None:
    project.write_pipeline("tuned", f"{DIGITS}tune: {{}}\n")
    found = {job.name: job for name in ("digits", "tuned") for job in operation_jobs(name, project.root)}
    of_both = {f"{name}_{job}" for name in ("digits", "tuned") for job in ("crossval", "experiment", "predict")}
    assert set(found) == {*of_both, "tuned_tune"}
    (project.root / "pipelines" / "tuned.yaml").unlink()


def test_dagster_loads_the_jobs_beside_those_of_the_pipelines(project: Workspace) -> None:
    names = {job.name for job in build_definitions(project.root).get_repository_def().get_all_jobs()}
    assert {"digits", "digits_crossval"} <= names


def test_an_operation_waits_for_the_pool_gpu(project: Workspace) -> None:
    assert [node.definition.pool for node in job_of(project).graph.nodes] == ["gpu"]


def test_the_launchpad_shows_the_folds_of_the_yaml(project: Workspace) -> None:
    operation = job_of(project)
    assert operation.run_config_schema.config_type.fields["ops"].default_value == {OP: {"config": {"folds": 5}}}


def test_run_config_becomes_options_of_the_command() -> None:
    commands = {operation.name: operation.command("digits", {}) for operation in OPERATIONS if operation.name != "experiment"}
    assert commands["tune"][-3:] == ["tune", "digits", "--yes"]
    assert commands["crossval"][-2:] == ["crossval", "digits"]
    assert OPERATIONS[0].command("digits", {"folds": 7})[-3:] == ["digits", "--folds", "7"]


def test_the_launchpad_asks_for_the_changes_of_an_experiment_and_checks_their_kind(project: Workspace) -> None:
    job = next(job for job in operation_jobs("digits", project.root) if job.name == "digits_experiment")

    config = {"ops": {"digits__experiment": {"config": {"changes": {"train.epochs": [1, 2], "augment": ["light"]}}}}}
    assert dg.validate_run_config(job, config)
    config["ops"]["digits__experiment"]["config"]["changes"] = {"train.epochs": 3}  # type: ignore[dict-item]
    with pytest.raises(dg.DagsterInvalidConfigError):
        dg.validate_run_config(job, config)
    command = next(one for one in OPERATIONS if one.name == "experiment").command
    assert command("digits", {"changes": {"train.epochs": [1, 2]}, "name": "few"})[-5:] == [
        "experiment",
        "digits",
        "train.epochs=1,2",
        "--name",
        "few",
    ]


def test_a_run_shows_its_progress_and_then_metrics_pictures_and_the_page(project: Workspace) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        result = execute(project, instance, folds=3)
        assert result.success
        messages = [record.user_message for record in instance.all_logs(result.run_id)]
    assert sum("fold-1@digits: done=2 total=2" in message for message in messages) == 1
    assert {"split@digits: done", "fold-0@digits: running", "fold-2@digits: done"} <= set(messages)
    (output,) = [event.step_output_data.metadata for event in result.all_node_events if event.is_successful_output]
    assert {"fold_values", "learning_curves", "metrics", "crossval"} <= set(output)
    assert output["fold_values"].value.startswith("![fold_values](data:image/png;base64,")
    table = {record.data["metric"]: record.data for record in output["metrics"].records}
    expected = json.loads((project.root / "data/digits/crossval/crossval.json").read_text())["metrics"]["accuracy"]
    assert table["accuracy"].pop("metric") == "accuracy"
    assert table["accuracy"] == pytest.approx(expected, rel=1e-3)
    assert output["crossval"].value == str(project.root / "data/digits/crossval/crossval.html")

    # The command in a terminal knows what the job did.
    again = project.run("dl", "crossval", "digits", "--folds", "3").stdout
    assert [line for line in again.splitlines() if line.startswith("fold")] == [
        f"fold-{fold}@digits: unchanged, skipped" for fold in range(3)
    ]


def test_a_failed_run_says_what_the_command_said(project: Workspace) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        result = execute(project, instance, folds=2)
    (failure,) = [event.step_failure_data for event in result.all_node_events if event.is_step_failure]
    assert "cross-validation with 2 folds is not possible: " in failure.error.message
    assert "Run: dl crossval digits --folds 3" in failure.error.message


def test_a_killed_step_leaves_no_process_and_the_next_run_completes(project: Workspace) -> None:
    project.edit_pipeline("digits", "epochs: 2", "epochs: 2000")
    config = project.root / "run.yaml"
    config.write_text(f"ops: {{{OP}: {{config: {{folds: 3}}}}}}\n")
    command = ("dagster", "job", "execute", "-m", "dl_assets.orchestration.definitions", "-j", "digits_crossval", "-c")
    process = project.start(*command, str(config))
    state = project.root / "data/.tmp/digits/crossval"
    wait_for(lambda: list(state.glob("*/fold-0.*/**/history.csv")) or process.poll() is not None, 120, "training")
    assert process.poll() is None, process.stdout.read() if process.stdout else ""
    (started,) = project.processes("dl_assets.orchestration.command")
    step = started.parent()
    assert isinstance(step, psutil.Process)
    step.kill()
    assert process.wait(60) == 1
    wait_for(lambda: not project.processes("dl_assets"), 30, "every process to end")
    project.edit_pipeline("digits", "epochs: 2000", "epochs: 2")
    assert "fold-2@digits: unchanged" in project.run("dl", "crossval", "digits", "--folds", "3").stdout
