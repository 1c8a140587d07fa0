"""`dl promote`, `dl rollback` and `dl models NAME`, as a person and as a program read them."""

import json
import sys

import pytest
from contest import Contest, answers

from dl_assets.__main__ import main
from dl_assets.operations.promotion.show import print_hint


@pytest.fixture
def dl(contest: Contest, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run a command; return its exit code and what it printed."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["dl", *words])
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return run


def test_a_decision_is_told_with_both_models_and_a_loss_is_no_mistake_of_the_user(contest: Contest, dl) -> None:
    contest.export(answers(10))
    code, text = dl("promote", "pets")
    assert code == 0 and "PROMOTED: It is the first champion." in text
    contest.export(answers(60))
    code, text = dl("promote", "pets")
    assert code == 0
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert any(line.startswith("accuracy * 0.95 (") and " 0.7 (" in line for line in lines)
    assert any(line.startswith("gain failed its accuracy is worse by 0.25 than the champion's") for line in lines)
    assert any(line.startswith("REFUSED: The champion stays: its accuracy is worse by 0.25") for line in lines)
    assert max(map(len, text.splitlines())) <= 80


def test_a_dry_run_says_that_nothing_was_changed(contest: Contest, dl) -> None:
    contest.export(answers(10))
    code, text = dl("promote", "pets", "--dry-run")
    assert code == 0 and "Nothing was changed: it was a dry run." in text
    assert "no champion yet" in dl("models", "pets")[1]


def test_programs_get_the_record_of_the_decision(contest: Contest, dl) -> None:
    contest.export(answers(10))
    code, text = dl("promote", "pets", "--json")
    assert code == 0
    assert json.loads(text) == {**contest.json("reports/promotion/decision.json"), "dry_run": False}


def test_without_an_export_the_user_is_told_what_to_run(dl) -> None:
    code, text = dl("promote", "pets")
    assert code == 2 and "there is no exported model of 'pets' yet. Run: dl run pets" in text


def test_the_models_of_a_pipeline_are_its_promotions_with_the_champion_marked(contest: Contest, dl) -> None:
    for num_wrong in (40, 10):
        contest.export(answers(num_wrong))
        dl("promote", "pets")
    code, text = dl("rollback", "pets")
    assert code == 0 and text.startswith("The champion of pets is that of promotion 1 again.")
    lines = [" ".join(line.split()) for line in dl("models", "pets")[1].splitlines()]
    assert any(line.startswith("* 1 promoted ") and "accuracy" in line for line in lines)
    assert any(line.startswith("2 promoted ") for line in lines)
    assert any(line.startswith("3 back to 1 ") for line in lines)
    listed = json.loads(dl("models", "pets", "--json")[1])["promotions"]
    assert [entry["current"] for entry in listed] == [True, False, False]
    assert listed[1]["metrics"]["accuracy"]["value"] == 0.95
    assert listed[2]["to"] == 1


def test_a_name_that_is_neither_a_model_nor_a_pipeline_is_told_with_both_lists(dl) -> None:
    code, text = dl("models", "pet")
    assert code == 2
    assert "model 'pet' is not known, did you mean 'pets'? Models: backbone, cnn, " in text
    assert "pipelines, whose promotions are listed: pets." in text
    assert dl("models", "cnn")[1].startswith("cnn: ")


def test_after_a_run_it_is_told_what_has_become_of_its_model(contest: Contest, dl, capsys: pytest.CaptureFixture[str]) -> None:
    def hint() -> str:
        print_hint("pets", contest.root, as_json=False)
        return capsys.readouterr().out

    contest.export(answers(10))
    assert hint() == "Champion     a challenger waits: dl promote pets\n"
    dl("promote", "pets")
    assert hint() == "Champion     this model\n"
    contest.export(answers(60))
    assert hint() == "Champion     a challenger waits: dl promote pets\n"
    dl("promote", "pets")
    assert hint().startswith("Champion     not this model. The champion stays: its accuracy is worse by 0.25")
