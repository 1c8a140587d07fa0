"""Batch prediction as a Dagster job: what the launchpad asks for, and what a run shows."""

from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from operations.serving.champions import grey, write_bright
from workspace import DIGITS, Workspace, make_workspace

from dl_assets.orchestration.operation_jobs import operation_jobs


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = make_workspace(tmp_path_factory.mktemp("predict") / "w")
    made.write_pipeline("digits", DIGITS)
    write_bright(made.root / "data/digits/champion", dark="1", bright="2")
    for name, level in {"a": 0, "b": 200, "c": 250}.items():
        (made.root / f"{name}.png").write_bytes(grey(level))
    (made.root / "-broken.png").write_bytes(b"")
    return made


def job_of(project: Workspace) -> dg.JobDefinition:
    (job,) = [job for job in operation_jobs("digits", project.root) if job.name == "digits_predict"]
    return job


def test_the_launchpad_asks_for_inputs_and_output(project: Workspace) -> None:
    job = job_of(project)
    (node,) = job.graph.nodes
    assert node.definition.pool is None
    ops = job.run_config_schema.config_type.fields["ops"].config_type
    fields = ops.fields["digits__predict"].config_type.fields["config"].config_type.fields
    assert {name: field.is_required for name, field in fields.items()} == {"inputs": True, "out": True, "challenger": False}


def test_a_run_shows_what_came_out_and_an_input_without_an_answer_does_not_fail_it(project: Workspace) -> None:
    config: dict[str, Any] = {"inputs": ["a.png", "-broken.png", "b.png", "c.png"], "out": "data/answers/p.parquet"}
    with dg.DagsterInstance.ephemeral() as instance:
        result = job_of(project).execute_in_process({"ops": {"digits__predict": {"config": config}}}, instance=instance)
        assert result.success
        warnings = [record.user_message for record in instance.all_logs(result.run_id) if record.level == 30]
    assert any("1 of 4 files could not be read: -broken.png" in warning for warning in warnings)
    (shown,) = [event.step_output_data.metadata for event in result.all_node_events if event.is_successful_output]
    assert (shown["rows"].value, shown["problems"].value, shown["answered_by"].value) == (4, 1, "champion")
    assert Path(shown["path"].value) == project.root / "data/answers/p.parquet"
    shares = [record.data for record in shown["class_shares"].records]
    assert shares == [{"answer": "2", "share": 0.6667}, {"answer": "1", "share": 0.3333}]
    assert [record.data["file"] for record in shown["preview"].records] == config["inputs"]
    assert pl.read_parquet(project.root / "data/answers/p.parquet")["prediction"].to_list() == ["1", None, "2", "2"]


def test_what_cannot_be_done_at_all_fails_the_run_with_the_reason(project: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from dl_assets.orchestration import predict_job
    from dl_assets.orchestration.execution import RunFailed

    def refuse(*_: Any) -> None:
        raise RunFailed("lost.png does not exist", 2)

    monkeypatch.setattr(predict_job, "follow", refuse)
    config = {"inputs": ["lost.png"], "out": "p.csv"}
    with dg.DagsterInstance.ephemeral() as instance:
        result = job_of(project).execute_in_process(
            {"ops": {"digits__predict": {"config": config}}}, instance=instance, raise_on_error=False
        )
    (failure,) = [event.step_failure_data for event in result.all_node_events if event.is_step_failure]
    assert "lost.png does not exist" in failure.error.message
