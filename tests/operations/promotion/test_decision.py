"""Who becomes the champion, and why: the rule, and the record of each decision."""

from pathlib import Path
from typing import Any

import pytest
from contest import NUM_SAMPLES, TARGETS, Contest, answers
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, log_loss

from dl_assets.errors import ConfigError
from dl_assets.orchestration.champion import promote


def decide(contest: Contest, **options: Any) -> dict[str, Any]:
    return promote("pets", contest.root, **options)


def conditions(decision: dict[str, Any]) -> dict[str, bool]:
    return {one["name"]: one["passed"] for one in decision["conditions"]}


def test_the_first_model_becomes_the_champion_and_its_folder_is_that_of_the_export_with_the_decision(contest: Contest) -> None:
    sha256 = contest.export(answers(20))
    decision = decide(contest)
    assert (decision["verdict"], decision["champion"]) == ("promoted", None)
    assert decision["challenger"]["sha256"] == sha256
    for name in ("model.onnx", "signature.json", "certificate.json"):
        assert contest.champion()[name] == (contest.folder / "exported" / name).read_bytes()
    assert contest.json("champion/decision.json") == contest.json("reports/promotion/decision.json") == decision


def test_the_numbers_of_a_decision_are_those_of_scikit_learn(contest: Contest) -> None:
    probabilities = answers(37)
    contest.export(probabilities)
    metrics = decide(contest)["challenger"]["metrics"]
    said = [["cat", "dog"][row] for row in probabilities.argmax(axis=1)]
    assert metrics["accuracy"]["value"] == accuracy_score(TARGETS, said) == 163 / NUM_SAMPLES
    assert metrics["log_loss"]["value"] == pytest.approx(log_loss(TARGETS, probabilities), rel=1e-6)
    assert metrics["accuracy"]["low"] < metrics["accuracy"]["value"] < metrics["accuracy"]["high"]


def test_a_worse_challenger_is_refused_with_the_reason(contest: Contest) -> None:
    contest.export(answers(10))
    decide(contest)
    before = contest.champion()
    contest.export(answers(40))
    decision = decide(contest)
    assert decision["verdict"] == "refused" and not decision["promoted"]
    assert "its accuracy is worse by 0.15 than the champion's" in decision["reason"]
    assert conditions(decision) == {"gain": False, "not_worse": False, "mcnemar": False, "slices": False}
    assert contest.champion() == before
    assert contest.json("reports/promotion/decision.json")["verdict"] == "refused"


def test_a_better_challenger_is_promoted(contest: Contest) -> None:
    contest.export(answers(40))
    decide(contest)
    sha256 = contest.export(answers(10))
    decision = decide(contest)
    assert decision["verdict"] == "promoted" and all(conditions(decision).values())
    assert decision["gain"]["value"] == pytest.approx(0.15)
    assert decision["gain"]["low"] > 0
    assert contest.json("champion/certificate.json")["sha256"] == sha256


def test_mcnemar_counts_the_samples_that_only_one_answers_correctly(contest: Contest) -> None:
    contest.export(answers(12))
    decide(contest)
    contest.export(answers(20, first=6))
    found = decide(contest)["mcnemar"]
    assert (found["only_champion"], found["only_challenger"]) == (14, 6)
    assert found["p_worse"] == pytest.approx(binomtest(14, 20, alternative="greater").pvalue)
    assert found["p"] == pytest.approx(binomtest(14, 20).pvalue)


def test_an_equal_newer_model_is_promoted_and_the_same_file_is_not(contest: Contest) -> None:
    contest.export(answers(10))
    decide(contest)
    assert decide(contest)["verdict"] == "unchanged"
    contest.export(answers(10, first=50))
    decision = decide(contest)
    assert (decision["verdict"], decision["gain"]["value"]) == ("promoted", 0.0)


@pytest.mark.parametrize(("num_wrong", "verdict"), [(13, "promoted"), (20, "refused")])
def test_with_a_gain_below_0_a_small_loss_is_let_in_where_chance_explains_it(
    contest: Contest, num_wrong: int, verdict: str
) -> None:
    contest.write(promote={"minimum_gain": -0.06, "max_slice_loss": None})
    contest.export(answers(10))
    decide(contest)
    contest.export(answers(num_wrong, first=8))
    decision = decide(contest)
    assert decision["verdict"] == verdict
    assert conditions(decision) == {"gain": True, "not_worse": num_wrong == 13, "mcnemar": num_wrong == 13}


def test_without_significance_only_the_limits_count(contest: Contest) -> None:
    contest.write(promote={"minimum_gain": -0.06, "max_slice_loss": None, "significance": None})
    contest.export(answers(10))
    decide(contest)
    contest.export(answers(20))
    assert conditions(decide(contest)) == {"gain": True}


def test_a_model_below_the_minimum_does_not_become_the_first_champion(contest: Contest) -> None:
    contest.write(promote={"minimum": 0.96})
    contest.export(answers(10))
    decision = decide(contest)
    assert decision["reason"] == (
        "There is no champion yet, but the challenger is not good enough: its accuracy is 0.95, and must be at least 0.96."
    )
    assert not (contest.folder / "champion").exists() and not (contest.folder / "champion.dvc").exists()
    contest.export(answers(8))
    assert decide(contest)["promoted"]


def test_several_metrics_may_have_a_minimum_of_their_own(contest: Contest) -> None:
    contest.write(promote={"minimum": {"accuracy": 0.9, "recall_macro": 0.96, "log_loss": 5.0}})
    contest.export(answers(10))  # 0.95 of each class is found
    decision = decide(contest)
    assert conditions(decision) == {"minimum": True, "minimum_recall_macro": False, "minimum_log_loss": True}
    assert not decision["promoted"]


def test_a_minimum_of_an_unknown_metric_is_told_with_the_nearest(contest: Contest) -> None:
    contest.write(promote={"minimum": {"recal_macro": 0.9}})
    contest.export(answers(10))
    with pytest.raises(ConfigError, match=r"promote\.minimum\.recal_macro is no metric, did you mean 'recall_macro'\?"):
        decide(contest)


def test_of_an_error_less_is_better(contest: Contest) -> None:
    contest.write(promote={"metric": "log_loss", "minimum": 0.3})
    contest.export(answers(10, confidence=0.8))
    decide(contest)
    contest.export(answers(10, confidence=0.9))
    decision = decide(contest)
    assert decision["verdict"] == "promoted" and decision["gain"]["value"] > 0
    contest.export(answers(60))
    assert not conditions(decide(contest))["minimum"]


def test_a_slow_model_is_refused(contest: Contest) -> None:
    contest.write(promote={"max_latency_ms": 0.1})
    contest.export(answers(0))
    assert "one sample takes it 0.25 ms, and may take 0.1 ms" in decide(contest)["reason"]


def test_the_latency_is_measured_where_the_certificate_does_not_tell_it(contest: Contest) -> None:
    sha256 = contest.export(answers(0))
    (contest.folder / "exported/certificate.json").write_text(f'{{"sha256": "{sha256}"}}')
    assert 0 < decide(contest)["challenger"]["latency_ms"] < 50


def test_a_model_that_is_better_but_fails_a_class_is_refused(contest: Contest) -> None:
    contest.export(answers(40))
    decide(contest)
    failing = answers(0)
    failing[::2][:35] = failing[::2][:35, ::-1]  # 35 of 100 cats, where the champion is wrong about 20
    contest.export(failing)
    decision = decide(contest)
    assert conditions(decision) == {"gain": True, "not_worse": True, "mcnemar": True, "slices": False}
    worst = decision["slices"]["worst"][0]
    assert (worst["column"], worst["values"], worst["samples"]) == ("class", "cat", 100)
    assert worst["loss"] == pytest.approx(0.15)
    assert "where class is cat (100 samples) it loses 0.15 (accuracy 0.65, the champion's 0.8)" in decision["reason"]


def test_a_loss_on_a_slice_that_chance_explains_is_told_and_let_pass(contest: Contest) -> None:
    contest.export(answers(40))
    decide(contest)
    unlucky = answers(0)
    unlucky[::2][20:46] = unlucky[::2][20:46, ::-1]  # 26 other cats are answered wrongly than the champion's 20
    contest.export(unlucky)
    decision = decide(contest)
    assert decision["verdict"] == "promoted"
    assert decision["slices"]["worst"][0]["loss"] == pytest.approx(0.06)
    assert decision["slices"]["worst"][0]["p"] > 0.05


def test_force_promotes_a_worse_model_and_the_record_says_so(contest: Contest) -> None:
    contest.export(answers(10))
    decide(contest)
    sha256 = contest.export(answers(40))
    decision = decide(contest, forced=True)
    assert decision["verdict"] == "forced"
    assert decision["reason"].startswith("It was promoted by --force, against the verdict 'refused': The champion stays: ")
    assert contest.json("champion/decision.json")["challenger"]["sha256"] == sha256


def test_a_dry_run_changes_nothing(contest: Contest) -> None:
    contest.export(answers(10))
    assert decide(contest, dry_run=True)["verdict"] == "promoted"
    assert sorted(path.name for path in contest.folder.iterdir()) == ["clean", "exported", "parts", "raw"]


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda exported: None, "there is no exported model of 'pets' yet. Run: dl run pets"),
        (lambda exported: (exported / "certificate.json").write_text('{"sha256": "0123"}'), "is not the file that"),
        (lambda exported: (exported / "signature.json").unlink(), "signature.json does not exist. Run: dl run pets"),
    ],
)
def test_what_is_not_whole_is_no_challenger(contest: Contest, spoil: Any, says: str) -> None:
    if "no exported" not in says:
        contest.export(answers(0))
    spoil(contest.folder / "exported")
    with pytest.raises(ConfigError, match=says):
        decide(contest)


def test_a_metric_that_the_task_does_not_have_is_told_by_the_check_of_the_file(contest: Contest) -> None:
    contest.write(promote={"metric": "acuracy"})
    contest.export(answers(0))
    with pytest.raises(ConfigError, match=r"promote\.metric is 'acuracy', did you mean 'accuracy'"):
        decide(contest)


def test_a_champion_whose_folder_is_missing_is_not_taken_for_none(contest: Contest, tmp_path: Path) -> None:
    contest.export(answers(0))
    decide(contest)
    (contest.folder / "champion").rename(tmp_path / "elsewhere")
    with pytest.raises(ConfigError, match=r"dvc checkout .*champion\.dvc"):
        decide(contest)
