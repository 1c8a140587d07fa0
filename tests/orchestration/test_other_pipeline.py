"""A pipeline that begins with the model of another one needs that one's stages, in both doors."""

from pathlib import Path

import dagster as dg
import pytest
from workspace import DIGITS, Workspace

from dl_assets.orchestration.definitions import build_definitions
from dl_assets.orchestration.graph import load_graph

AGAIN = DIGITS.replace("{name: cnn, width: 8}", "{name: cnn, width: 8, weights: {pipeline: digits}}")
# `again` comes before `digits` in the alphabet, and after it in the graph.
NEEDED = [f"{stage}@digits" for stage in ("ingest", "clean", "split", "augment", "train")]


@pytest.fixture
def two(workspace: Workspace) -> Workspace:
    workspace.write_pipeline("again", AGAIN)
    workspace.run("dl", "sync")
    return workspace


def test_the_stages_come_in_the_order_in_which_they_need_each_other(two: Workspace) -> None:
    graph = load_graph(two.root)
    whole = [node.address for node in graph.of_pipeline("again")]
    assert whole[:4] == ["ingest@again", "clean@again", "split@again", "augment@again"]
    assert whole[4:] == [*NEEDED, "train@again", "evaluate@again", "export@again"]
    assert [node.address for node in graph.of_pipeline("again", "split")] == whole[:3]
    order = list(graph.nodes)
    assert all(
        order.index(up.address) < order.index(node.address) for node in graph.nodes.values() for up in graph.upstream(node)
    )


def test_dagster_has_the_edge_and_the_job_makes_the_other_model_too(two: Workspace) -> None:
    definitions = build_definitions(two.root)
    graph = definitions.resolve_asset_graph()
    assert dg.AssetKey(["digits", "model"]) in graph.get(dg.AssetKey(["again", "model"])).parent_keys
    job = definitions.get_repository_def().get_job("again")
    found = {tuple(key.path) for key in job.asset_layer.executable_asset_keys}
    assert {artifact for name, artifact in found if name == "digits"} == {"raw", "clean", "parts", "augmented", "model"}
    assert len([name for name, _ in found if name == "again"]) == 7


def test_check_tells_of_an_origin_that_does_not_exist(two: Workspace) -> None:
    two.edit_pipeline("again", "pipeline: digits", "pipeline: digit")
    result = two.run("dl", "check", "again", check=False)
    assert result.returncode == 2
    assert "pipelines/again.yaml:6: model.weights.pipeline is 'digit', did you mean 'digits'? Allowed: digits." in result.stdout


def test_check_tells_of_a_file_of_weights_that_does_not_exist_and_of_a_model_that_does_not_fit(two: Workspace) -> None:
    two.edit_pipeline("again", "{pipeline: digits}", "{file: nowhere.pt}, padding: 0, kernel: 11")
    two.run("dl", "sync")
    result = two.run("dl", "check", "again", check=False)
    assert result.returncode == 2
    assert "pipelines/again.yaml: model.weights.file 'nowhere.pt' does not exist. Put the file there" in result.stdout
    assert (
        "pipelines/again.yaml:6: model does not fit: the map has shrunk to 8 x 8, too small for a kernel of 11" in result.stdout
    )


def test_a_run_makes_the_other_model_first_and_an_edit_of_it_makes_this_one_stale(ran: Workspace) -> None:
    ran.write_pipeline("again", AGAIN)
    output = ran.run("dl", "run", "again", "train").stdout
    assert "train@digits: unchanged, skipped" in output
    assert output.index("train@digits") < output.index("train@again")
    assert Path(ran.root, "data", "again", "model", "model.ckpt").is_file()
    ran.edit_pipeline("digits", "epochs: 2", "epochs: 1")
    status = ran.run("dl", "status", "again").stdout
    assert "train@digits would run before it" in status
