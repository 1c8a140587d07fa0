"""`dvc repro` and Dagster are two doors to one run: each sees what the other did, and neither runs a thing twice."""

import json
import sys
from pathlib import Path
from typing import Any

from dl_assets.artifacts import ARTIFACT_OF_STAGE

ARTIFACTS = [f"digits/{artifact}" for artifact in ARTIFACT_OF_STAGE.values()]
LOOK = str(Path(__file__).with_name("staleness.py"))


def look(workspace: Any, *options: str) -> dict[str, Any]:
    output = workspace.run(sys.executable, LOOK, *options).stdout
    return dict(json.loads(output.strip().splitlines()[-1]))


def changed_in_dvc(workspace: Any) -> set[str]:
    return set(json.loads(workspace.run("dvc", "status", "--json").stdout))


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


def test_after_a_dagster_run_dvc_is_clean_and_dagster_fresh(ran: Any) -> None:
    assert ran.dvc_is_clean()
    assert set(look(ran)["statuses"].values()) == {"FRESH"}


def test_after_a_dagster_run_the_sensor_has_nothing_to_add(ran: Any) -> None:
    assert look(ran, "--sensor")["reported"] == []


def test_after_dvc_repro_alone_the_sensor_shows_every_asset_fresh(workspace: Any) -> None:
    workspace.run("dvc", "repro")
    assert set(look(workspace)["statuses"].values()) == {"MISSING"}
    seen = look(workspace, "--sensor")
    assert seen["reported"] == ARTIFACTS
    assert set(seen["statuses"].values()) == {"FRESH"}
    assert look(workspace, "--sensor")["reported"] == []


def test_a_parameter_edit_makes_exactly_the_touched_stage_stale_in_both(ran: Any) -> None:
    ran.edit_pipeline("digits", "epochs: 2", "epochs: 3")
    assert changed_in_dvc(ran) == changed_in_dagster(ran) == {"train@digits"}
    ran.edit_pipeline("digits", "split: {}", "split: {seed: 5}")
    assert changed_in_dvc(ran) == changed_in_dagster(ran) == {"split@digits", "train@digits"}


def test_a_code_edit_makes_exactly_the_stages_stale_that_use_it(ran: Any) -> None:
    model = ran.root / "dl_assets" / "models" / "cnn.py"
    model.write_text(model.read_text() + "\n# an edit\n")
    assert changed_in_dvc(ran) == changed_in_dagster(ran) == {"train@digits", "evaluate@digits", "export@digits"}


def test_a_comment_or_another_order_in_the_yaml_makes_nothing_stale(ran: Any) -> None:
    path = ran.root / "pipelines" / "digits.yaml"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(["# a comment", *reversed(lines[4:][2:]), *lines[:6]]) + "\n")
    assert changed_in_dvc(ran) == changed_in_dagster(ran) == set()


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
    assert {name for name in again if again[name] != after[name]} == {"evaluate.json"}
    seen = look(ran, "--sensor")
    assert seen["reported"] == ["digits/evaluation"]
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
    ran.run("dvc", "exp", "run", "-S", "pipelines/digits.yaml:train.epochs=1")
    assert "epochs: 1" in (ran.root / "pipelines" / "digits.yaml").read_text()
    history = ran.root / "data/digits/model/history.csv"
    assert len(history.read_text().splitlines()) == 1 + 1
    ran.run("dvc", "exp", "run", "--temp", "-S", "pipelines/digits.yaml:train.epochs=3", "train@digits")
    assert len(history.read_text().splitlines()) == 1 + 1
    experiments = json.loads(ran.run("dvc", "exp", "show", "--json").stdout)
    assert len(experiments[1]["experiments"]) == 2
