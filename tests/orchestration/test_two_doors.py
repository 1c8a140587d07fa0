"""`dvc repro` and Dagster are two doors to one run: each sees what the other did, and neither runs a thing twice."""

import contextlib
import json
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.definitions.data_version import CachingStaleStatusResolver
from dagster._core.instance import InstanceRef
from dagster._core.loader import LoadingContextForTest

from dl_assets.artifacts import ARTIFACT_OF_STAGE
from dl_assets.orchestration.definitions import build_definitions

ARTIFACTS = [f"digits/{artifact}" for artifact in ARTIFACT_OF_STAGE.values()]


def look(workspace: Any, *, with_sensor: bool = False) -> dict[str, Any]:
    """Evaluate the sensor as the daemon does, where asked, and store its events; return each asset's status and its causes."""
    with contextlib.chdir(workspace.root):  # Dagster's storage is relative to the working directory
        root = Path.cwd()
        repository = build_definitions(root).get_repository_def()
        with dg.DagsterInstance.from_ref(InstanceRef.from_dir(str(root), config_dir=str(root))) as instance:
            events = []
            if with_sensor:
                context = dg.build_sensor_context(instance=instance, repository_def=repository)
                events = list(repository.get_sensor_def("dvc_lock").evaluate_tick(context).asset_events)
                for event in events:
                    instance.report_runless_asset_event(event)
            resolver = CachingStaleStatusResolver(instance, repository.asset_graph, LoadingContextForTest(instance))
            keys = {key.to_user_string(): key for key in repository.asset_graph.get_all_asset_keys()}
            statuses = {name: resolver.get_status(key).value for name, key in keys.items()}
            causes = {
                name: [f"{cause.category.value}: {cause.reason}" for cause in resolver.get_stale_causes(key)]
                for name, key in keys.items()
            }
    reported = [event.asset_key.to_user_string() for event in events if isinstance(event, dg.AssetMaterialization)]
    return {"statuses": statuses, "causes": causes, "reported": reported}


def changed_in_dagster(workspace: Any) -> set[str]:
    """Stages whose own code or parameters differ; what lies behind them is stale because of them."""
    causes = look(workspace)["causes"]
    stages = {artifact: stage for stage, artifact in ARTIFACT_OF_STAGE.items()}
    return {
        f"{stages[name.partition('/')[2]]}@digits"
        for name, found in causes.items()
        if any(cause.startswith("CODE") for cause in found)
    }


def reports(workspace: Any) -> dict[str, int]:
    """When each stage was executed last: the stage itself writes its report, skipping does not touch it."""
    return {path.name: path.stat().st_mtime_ns for path in (workspace.root / "data/digits/reports").glob("*.json")}


def test_after_a_dagster_run_dvc_is_clean_and_dagster_fresh(ran_once: Any) -> None:
    assert "up to date" in ran_once.run("dvc", "status").stdout
    assert set(look(ran_once)["statuses"].values()) == {"FRESH"}


def test_after_a_dagster_run_the_sensor_has_nothing_to_add(ran: Any) -> None:
    assert look(ran, with_sensor=True)["reported"] == []


def test_after_dvc_repro_alone_the_sensor_shows_every_asset_fresh(workspace: Any) -> None:
    workspace.run("dvc", "repro")
    assert set(look(workspace)["statuses"].values()) == {"MISSING"}
    seen = look(workspace, with_sensor=True)
    assert seen["reported"] == ARTIFACTS
    assert set(seen["statuses"].values()) == {"FRESH"}
    assert look(workspace, with_sensor=True)["reported"] == []


def test_a_parameter_edit_makes_exactly_the_touched_stage_stale_in_both(ran: Any) -> None:
    ran.edit_pipeline("digits", "epochs: 2", "epochs: 3")
    assert ran.changed_in_dvc() == changed_in_dagster(ran) == {"train@digits"}
    ran.edit_pipeline("digits", "split: {}", "split: {seed: 5}")
    assert ran.changed_in_dvc() == changed_in_dagster(ran) == {"split@digits", "train@digits"}


def test_a_code_edit_makes_exactly_the_stages_stale_that_use_it(ran: Any) -> None:
    model = ran.root / "dl_assets" / "models" / "cnn.py"
    model.write_text(model.read_text() + "\n# an edit\n")
    assert ran.changed_in_dvc() == changed_in_dagster(ran) == {"train@digits", "evaluate@digits", "export@digits"}


def test_a_comment_or_another_order_in_the_yaml_makes_nothing_stale(ran: Any) -> None:
    path = ran.root / "pipelines" / "digits.yaml"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(["# a comment", *reversed(lines[4:][2:]), *lines[:6]]) + "\n")
    assert ran.changed_in_dvc() == changed_in_dagster(ran) == set()


def test_an_unchanged_stage_is_executed_by_neither_door(ran: Any) -> None:
    before = reports(ran)
    ran.run("dvc", "repro")
    ran.run("dl", "run", "digits")
    ran.run("dl", "run", "digits", "--dagster")
    assert reports(ran) == before


def test_after_an_edit_each_door_runs_only_what_is_behind_it(ran: Any) -> None:
    before = reports(ran)
    ran.edit_pipeline("digits", "export: {}", "export: {max_difference: 0.001}")
    ran.run("dl", "run", "digits", "--dagster")
    after = reports(ran)
    assert {name for name in after if after[name] != before[name]} == {"export.json"}
    assert ran.dvc_is_clean()
    ran.edit_pipeline("digits", "bootstrap_samples: 100", "bootstrap_samples: 200")
    ran.run("dvc", "repro")
    again = reports(ran)
    assert {name for name in again if again[name] != after[name]} == {
        "evaluate.json",
        "export.json",
    }  # the file tells its metrics
    seen = look(ran, with_sensor=True)
    assert seen["reported"] == ["digits/evaluation", "digits/exported"]
    assert set(seen["statuses"].values()) == {"FRESH"}


def test_going_back_to_old_parameters_takes_the_result_from_the_cache(ran: Any) -> None:
    ran.edit_pipeline("digits", "epochs: 2", "epochs: 1")
    ran.run("dl", "run", "digits", "train")
    ran.edit_pipeline("digits", "epochs: 1", "epochs: 2")
    output = ran.run("dvc", "repro").stdout
    assert "is cached - skipping run" in output
    assert ran.dvc_is_clean()


def test_dvc_shows_metrics_and_runs_an_experiment(ran: Any) -> None:
    metrics = json.loads(ran.run("dvc", "metrics", "show", "--json").stdout)[""]["data"]
    assert 0 < metrics["data/digits/evaluation/metrics.json"]["data"]["accuracy"]["value"] <= 1
    ran.run("git", "add", ".")
    ran.run("git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "-m", "ran")
    ran.run("dvc", "exp", "run", "-S", "pipelines/digits.yaml:train.epochs=1", "train@digits")
    assert "epochs: 1" in (ran.root / "pipelines" / "digits.yaml").read_text()
    history = ran.root / "data/digits/model/history.csv"
    assert len(history.read_text().splitlines()) == 1 + 1
    ran.run("dvc", "exp", "run", "--temp", "-S", "pipelines/digits.yaml:train.epochs=3", "train@digits")
    assert len(history.read_text().splitlines()) == 1 + 1
    experiments = json.loads(ran.run("dvc", "exp", "show", "--json").stdout)
    assert len(experiments[1]["experiments"]) == 2
