"""The champion as an asset: what its step shows of a promotion and of a challenger that loses, and what the sensor tells."""

from typing import Any

import dagster as dg
import pytest
from contest import Contest, answers
from dagster._core.definitions.data_version import get_input_data_version_tag
from workspace import DIGITS, Workspace, make_workspace

from dl_assets.config import load_pipeline
from dl_assets.orchestration.champion import promote, rollback
from dl_assets.orchestration.champion_asset import champion_key, make_champion
from dl_assets.orchestration.champion_events import champion_events
from dl_assets.orchestration.definitions import build_definitions
from dl_assets.orchestration.graph import Graph, Node

KEY = champion_key("pets")
EXPORT = Node("export@pets", "dl", "", (), (), ("data/pets/exported",), (), {})


class OneStage(Graph):
    """The graph of a pipeline whose export alone is known."""

    def __init__(self, contest: Contest) -> None:
        self.root, self.nodes = contest.root, {EXPORT.address: EXPORT}


def materialise(contest: Contest, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    asset = make_champion(OneStage(contest), load_pipeline("pets", contest.root))
    return dg.materialize([asset], instance=instance, raise_on_error=False)


def test_a_promotion_is_materialised_and_a_challenger_that_loses_is_a_green_run_with_the_reason(
    contest: Contest, monkeypatch: pytest.MonkeyPatch
) -> None:
    contest.write(promote={"max_slice_loss": None})
    contest.export(answers(10))
    with dg.DagsterInstance.ephemeral() as instance:
        won = materialise(contest, instance)
        assert won.success
        (event,) = won.asset_materializations_for_node("pets__champion")
        assert event.metadata["reason"].value == "It is the first champion."
        assert event.metadata["accuracy"].value == 0.95
        assert contest.json("promotions.json")[0]["md5"] == (event.tags or {})["dagster/data_version"]
        assert [(check.check_name, check.passed) for check in won.get_asset_check_evaluations()] == [("beats_champion", True)]

        contest.export(answers(60))
        lost = materialise(contest, instance)
        assert lost.success
        assert lost.asset_materializations_for_node("pets__champion") == []
        (check,) = lost.get_asset_check_evaluations()
        assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
        assert check.metadata["reason"].value.startswith("The champion stays: its accuracy is worse by 0.25")
        (seen,) = instance.fetch_observations(KEY, limit=10).records
        assert seen.asset_observation.description == check.metadata["reason"].value
        table = {record.data["metric"]: record.data for record in seen.asset_observation.metadata["metrics"].records}
        assert table["accuracy"]["champion"].startswith("0.95 (") and table["accuracy"]["challenger"].startswith("0.7 (")


def test_the_sensor_tells_of_a_champion_that_came_and_went_without_dagster(contest: Contest) -> None:
    lock = {EXPORT.address: {"outs": [{"path": "data/pets/exported", "md5": "abc.dir"}]}}
    with dg.DagsterInstance.ephemeral() as instance:

        def told() -> list[Any]:
            found = list(champion_events(OneStage(contest), "pets", lock, instance))
            for event in found:
                instance.report_runless_asset_event(event)
            return found

        assert told() == []
        for num_wrong in (40, 10):
            contest.export(answers(num_wrong))
            promote("pets", contest.root)
            event, check = told()
            assert (event.metadata["door"].value, check.passed) == ("dl promote", True)
            assert event.tags[get_input_data_version_tag(dg.AssetKey(["pets", "exported"]))] != ""
            assert told() == []
        rollback("pets", contest.root)
        event, _ = told()
        assert event.metadata["reason"].value == "It is the first champion."
        assert event.tags[get_input_data_version_tag(dg.AssetKey(["pets", "exported"]))] == ""  # of an export of before


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_workspace(tmp_path_factory.mktemp("champions") / "w")


@pytest.mark.parametrize(
    ("section", "has_asset", "in_job"),
    [("", False, False), ("promote: {}\n", True, True), ("promote: {automatic: false}\n", True, False)],
)
def test_a_pipeline_with_a_rule_has_a_champion_with_which_its_job_ends(
    project: Workspace, section: str, has_asset: bool, in_job: bool
) -> None:
    project.write_pipeline("digits", DIGITS + section)
    repository = build_definitions(project.root).get_repository_def()
    key = champion_key("digits")
    assert (key in repository.asset_graph.get_all_asset_keys()) == has_asset
    assert (key in repository.get_job("digits").asset_layer.executable_asset_keys) == in_job
    if has_asset:
        assert repository.asset_graph.get(key).parent_keys == {dg.AssetKey(["digits", "exported"])}
        assert repository.asset_graph.get(key).group_name == "digits"
