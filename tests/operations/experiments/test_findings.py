"""Ranking and showing of experiments: by val, beside the workspace, failures last."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from workspace import DIGITS

from dl_assets.config import Pipeline
from dl_assets.operations.experiments import publication
from dl_assets.operations.experiments.findings import Findings, Row, findings_of
from dl_assets.operations.experiments.page import sentence
from dl_assets.operations.experiments.publication import failures, folder_of, publish
from dl_assets.operations.experiments.show import print_findings

TEST = {"accuracy": {"value": 0.8, "low": 0.7, "high": 0.9}}


def row(name: str, rate: float, accuracy: float, **others: object) -> Row:
    values = {"train.epochs": 2, "train.learning_rate": rate}
    val = {"val_accuracy": accuracy, "val_loss": 1 - accuracy}
    return replace(Row(name, values, {}, val, TEST, 3.0, curve=(0.1, accuracy)), **others)  # type: ignore[arg-type]


def config(text: str = DIGITS) -> Pipeline:
    return Pipeline(Path("pipelines/digits.yaml"), YAML().load(text))


FAILED = Row(
    "lost",
    {"train.epochs": 2, "train.learning_rate": 9.0},
    {"train.learning_rate": 9.0},
    reason="the loss is <b>not</b> a number",
)
WORKSPACE = row("workspace", 0.003, 0.7)


def found() -> Findings:
    return findings_of(config(), [FAILED, row("low", 0.001, 0.6), row("high", 0.01, 0.75)], WORKSPACE)


def test_the_best_on_val_comes_first_and_what_failed_last() -> None:
    assert [one.name for one in found().rows] == ["high", "low", "lost"]


def test_test_metrics_decide_nothing() -> None:
    flattered = row("low", 0.001, 0.6, test={"accuracy": {"value": 1.0, "low": 1.0, "high": 1.0}})
    assert findings_of(config(), [flattered, row("high", 0.01, 0.75)], None).best == row("high", 0.01, 0.75)


def test_places_are_shown_that_differ_or_were_changed() -> None:
    assert found().places == ["train.learning_rate"]
    assert findings_of(config(), [row("only", 0.01, 0.75, changes={"train.epochs": 2})], None).places == ["train.epochs"]


def test_experiments_are_compared_with_the_workspace_above_zero_is_better() -> None:
    one = found()
    assert [one.gain(each) for each in one.rows] == [pytest.approx(0.05), pytest.approx(-0.1), None]


def test_a_metric_of_errors_is_better_where_it_is_lower() -> None:
    one = replace(found(), val_metric="val_loss", is_higher_better=False)
    assert one.gain(one.rows[0]) == pytest.approx(0.05)


def test_the_metric_of_promote_is_shown_of_test_and_ranked_by_only_where_val_has_it() -> None:
    one = findings_of(config(f"{DIGITS}promote: {{metric: f1_macro}}\n"), [], None)
    assert (one.metric, one.val_metric) == ("f1_macro", "val_accuracy")


def test_other_data_are_warned_of_because_the_samples_are_others(tmp_path: Path) -> None:
    other = row("other", 0.01, 0.9, values={"split.seed": 3})
    assert findings_of(config(), [other], replace(WORKSPACE, values={"split.seed": 17})).has_other_data
    assert not found().has_other_data


def test_the_sentence_says_what_is_best_and_how_it_compares() -> None:
    assert sentence(found()) == (
        "Of 3 experiments, high is the best on val: val_accuracy 0.75, 0.05 better than the workspace "
        "(train.learning_rate 0.01)."
    )
    assert sentence(findings_of(config(), [FAILED], None)) == "1 experiment, and none came to its end."


def test_what_is_published_is_a_page_of_its_own_figures_and_numbers_for_dagster(tmp_path: Path) -> None:
    publish(found(), tmp_path)
    folder = folder_of("digits", tmp_path)
    page = (folder / publication.PAGE).read_text()
    assert sorted(path.name for path in folder.iterdir()) == [
        "curves.png",
        "experiment.html",
        "experiment.json",
        "parameters.png",
    ]
    assert "the loss is &lt;b&gt;not&lt;/b&gt; a number" in page and "http" not in page.replace("http-equiv", "")
    assert page.index("high") < page.index("lost")
    content = json.loads((folder / publication.RESULT).read_text())
    assert content["metrics"] == {
        "experiments": {"value": 3.0},
        "failed": {"value": 1.0},
        "best val_accuracy": {"value": 0.75},
        "val_accuracy of the workspace": {"value": 0.7},
    }
    assert next((one["name"], one["values"]) for one in content["experiments"]) == ("high", {"train.learning_rate": 0.01})
    assert [one.reason for one in failures("digits", tmp_path)] == [FAILED.reason]


def test_figures_of_experiments_that_are_gone_go_too(tmp_path: Path) -> None:
    publish(found(), tmp_path)
    publish(findings_of(config(), [], None), tmp_path)
    assert list(folder_of("digits", tmp_path).glob("*.png")) == []


def test_the_terminal_shows_intervals_the_reason_of_a_failure_and_how_one_is_adopted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    print_findings(found(), tmp_path, as_json=False)
    printed = capsys.readouterr().out.replace("\N{NO-BREAK SPACE}", " ")
    assert "80.0 % (70.0 % to 90.0 %)" in printed and "+0.0500" in printed
    assert "lost failed: the loss is <b>not</b> a number" in printed
    assert "dl experiments digits --adopt high" in printed and "overfits" in printed
