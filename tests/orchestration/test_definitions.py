"""What Dagster is given: jobs and one schedule for each pipeline, the sensor, pools and checks."""

from pathlib import Path

import dagster as dg
from workspace import DIGITS, Workspace

from dl_assets.orchestration.definitions import build_definitions


def repository(workspace: Workspace) -> dg.RepositoryDefinition:
    return build_definitions(workspace.root).get_repository_def()


def test_every_pipeline_has_a_job_with_all_its_assets(workspace: Workspace) -> None:
    workspace.write_pipeline("again", DIGITS)
    found = repository(workspace)
    for name in ("digits", "again"):
        keys = found.get_job(name).asset_layer.executable_asset_keys
        assert {key.path[0] for key in keys} == {name}
        assert len(keys) == 7


def test_the_schedule_is_the_one_of_the_yaml(workspace: Workspace) -> None:
    workspace.edit_pipeline("digits", '"0 3 * * 1"', '"30 4 * * *", timezone: Europe/Berlin')
    schedule = repository(workspace).get_schedule_def("digits_retrain")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("30 4 * * *", "Europe/Berlin")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert schedule.job_name == "digits"


def test_without_a_cron_there_is_no_schedule(workspace: Workspace) -> None:
    workspace.edit_pipeline("digits", 'schedule: {cron: "0 3 * * 1"}', "schedule: {}")
    assert [schedule.name for schedule in repository(workspace).schedule_defs] == ["maintenance_nightly"]


def test_training_waits_for_the_pool_gpu_and_nothing_else_does(workspace: Workspace) -> None:
    pools = {asset.key.path[1]: asset.op.pool for asset in build_definitions(workspace.root).assets}
    assert {artifact for artifact, pool in pools.items() if pool == "gpu"} == {"model"}


def test_a_broken_pipeline_file_does_not_take_the_others_away(workspace: Workspace) -> None:
    workspace.write_pipeline("broken", "task: [")
    workspace.write_pipeline("Odd-Name", DIGITS)
    jobs = {job.name for job in repository(workspace).get_all_jobs() if not job.name.startswith("__")}
    assert jobs == {"digits", "digits_crossval", "digits_experiment", "digits_predict", "maintenance"}


def test_failures_are_watched_from_the_first_start_on(workspace: Workspace) -> None:
    found = {sensor.name: sensor.default_status for sensor in repository(workspace).sensor_defs}
    assert found.items() >= dict.fromkeys(("failures", "recoveries"), dg.DefaultSensorStatus.RUNNING).items()


def test_a_broken_edit_keeps_the_pipeline_with_its_last_index_entry(workspace: Workspace) -> None:
    path = Path(workspace.root, "pipelines", "digits.yaml")
    path.write_text(path.read_text() + "schedule: {}\n")
    assert repository(workspace).has_job("digits")
