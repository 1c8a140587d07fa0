"""The right answers that come back: taken, changed, or rejected with a reason, and never lost."""

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from contest import Contest, answers

from dl_assets import registry
from dl_assets.__main__ import main
from dl_assets.config import load_pipeline
from dl_assets.errors import ConfigError, DataError
from dl_assets.operations.feedback import _form, read_feedback, take_feedback
from dl_assets.operations.logs import window
from dl_assets.operations.logs.ids import new_id
from dl_assets.operations.logs.journal import Journal
from dl_assets.operations.logs.log import BEGUN, store

IDS: dict[str, str] = {}  # of a test, by the letters that stand for them; of z there is no prediction


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Contest:
    """A pipeline of cats and dogs; the predictions a and b are stored, c is in the journal of a server."""
    made = Contest(tmp_path / "w")
    monkeypatch.chdir(made.root)
    made.export(answers(10))
    IDS.update({name: new_id() for name in "abcz"})  # now: an id tells when its prediction was made
    log = made.folder / "predictions"
    log.mkdir()
    for number, names in enumerate(["ab", "c"]):
        with Journal(log / f"{datetime.now(UTC):{BEGUN}}-1-{number}.jsonl", {"id": "String"}) as journal:
            journal.append([{"id": IDS[name]} for name in names])
        if names == "ab":
            store(journal.path)
    return made


def write(made: Contest, text: str) -> Path:
    """Write a file in which a letter before the first comma stands for an id."""
    lines = [line.partition(",") for line in text.splitlines()]
    path = made.root / "told.csv"
    path.write_text("".join(f"{IDS.get(name, name)},{rest}\n" for name, _, rest in lines))
    return path


def take(made: Contest, text: str) -> dict[str, object]:
    return take_feedback(load_pipeline("pets", made.root), made.root, write(made, text))


def targets(made: Contest) -> dict[str, str]:
    told = read_feedback(made.folder / "feedback").select("id", "target").iter_rows()
    names = {id_: name for name, id_ in IDS.items()}
    return {names[id_]: target for id_, target in sorted(told)}


def test_targets_are_kept_by_the_id_of_the_prediction(asked: Contest) -> None:
    told = take(asked, "id,target,note\na,cat,x\nc, dog ,y\n")
    assert (told["new"], told["rejected"]) == (2, 0)
    assert targets(asked) == {"a": "cat", "c": "dog"}


def test_what_is_told_later_counts(asked: Contest) -> None:
    take(asked, "id,target\na,cat\nb,cat\n")
    told = take(asked, "id,target\na,dog\nb,cat\nc,cat\n")
    assert (told["new"], told["changed"], told["known"]) == (1, 1, 1)
    assert targets(asked) == {"a": "dog", "b": "cat", "c": "cat"}


def test_a_row_that_cannot_be_taken_is_kept_with_the_reason(asked: Contest) -> None:
    told = take(asked, "id,target\na,cat\nb,cat\nb,dog\n,cat\nc,\nz,cat\nno id,cat\n")
    assert told["new"] == 1 and targets(asked) == {"a": "cat"}
    assert told["reasons"] == {
        "with an id that has two targets": 2,
        "with an id that no logged prediction has": 2,
        "without an id": 1,
        "without a target": 1,
    }
    (kept,) = (asked.folder / "feedback/rejected").glob("*.parquet")
    rejected = pl.read_parquet(kept)
    assert rejected.columns == ["id", "target", "reason", "time"] and len(rejected) == 6


@pytest.mark.parametrize(
    ("kind", "fitted", "one", "same", "other"),
    [
        ("numbers", {"scale": "linear", "mean": 0.0, "std": 1.0}, "1", "1.0", "2"),
        ("labels", {"classes": ["cat", "dog"]}, "cat|dog", "dog|cat", ""),
    ],
)
def test_targets_that_are_written_otherwise_are_the_same(kind: str, fitted: Any, one: str, same: str, other: str) -> None:
    exported: Any = SimpleNamespace(targets=registry.module("targets", kind), fitted=fitted)
    forms = [_form(target, exported) for target in (one, same, other, "cow")]
    assert forms[0] == forms[1] != forms[2] and None not in forms[:3] and forms[3] is None


def test_a_journal_that_is_stored_meanwhile_is_no_error(asked: Contest, monkeypatch: pytest.MonkeyPatch) -> None:
    original = window.read_journal
    monkeypatch.setattr(window, "read_journal", lambda path: (store(path), original(path))[1])
    assert take(asked, "id,target\nc,cat\n")["new"] == 1


def test_a_class_that_the_model_does_not_know_is_rejected_by_name(asked: Contest) -> None:
    with pytest.raises(DataError, match="could be taken: 1 with the target 'cow', which the model does not know"):
        take(asked, "id,target\na,cow\n")
    assert targets(asked) == {}


def test_a_file_that_is_not_there_is_told_as_such(asked: Contest) -> None:
    with pytest.raises(ConfigError, match=r"^nowhere.csv does not exist .* Give a table with the columns id and target"):
        take_feedback(load_pipeline("pets", asked.root), asked.root, Path("nowhere.csv"))


def test_a_file_without_the_columns_says_which_it_needs(asked: Contest) -> None:
    with pytest.raises(ConfigError, match="has no column 'target', did you mean 'targets'"):
        take(asked, "id,targets\na,cat\n")


def test_the_command_tells_people_and_programs(
    asked: Contest, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(asked, "id,target\na,cat\nz,cat\n")
    monkeypatch.setattr("sys.argv", ["dl", "feedback", "pets", "told.csv"])
    with pytest.raises(SystemExit, match="0"):
        main()
    assert "2 rows: 1 new, 0 changed, 0 known, 1 rejected." in capsys.readouterr().out
    monkeypatch.setattr("sys.argv", ["dl", "feedback", "pets", "told.csv", "--json"])
    with pytest.raises(SystemExit, match="0"):
        main()
    assert json.loads(capsys.readouterr().out)["known"] == 1
