"""A champion is replaced in one step, comes back byte for byte, and survives whatever kills a promotion."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from contest import Contest, answers
from dvc.repo import Repo
from workspace import wait_for

from dl_assets import files
from dl_assets.errors import ConfigError
from dl_assets.operations.promotion import history
from dl_assets.orchestration import champion, champion_store, champion_swap
from dl_assets.orchestration.champion import promote, rollback
from dl_assets.runner import locked

# Everything that a promotion does once the verdict is known, in this order.
STEPS: list[tuple[Any, str]] = [
    (champion_store, "put"),
    (champion_swap, "_digest"),
    (files, "sync"),
    (files, "_exchange"),
    (champion_store, "point"),
    (history, "append"),
    (champion_swap.Place, "tell"),
]


def crown(contest: Contest, num_wrong: int, **options: Any) -> dict[str, Any]:
    contest.export(answers(num_wrong, first=options.pop("first", 0)))
    return promote("pets", contest.root, **options)


def killed(contest: Contest, place: Any, name: str, *, after: bool) -> int:
    """Promote in a process that dies as by kill -9 before or after one step; return its exit code.

    The models are asked beforehand: a forked process must not use the threads of polars.
    """
    decision = promote("pets", contest.root, dry_run=True)
    process = os.fork()
    if process == 0:
        champion.weigh = lambda *_: decision
        original: Callable[..., Any] = getattr(place, name)

        def die(*arguments: Any, **options: Any) -> None:
            if after:
                original(*arguments, **options)
            os._exit(9)

        setattr(place, name, die)
        promote("pets", contest.root)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(("place", "name"), STEPS)
def test_a_promotion_that_is_killed_leaves_one_whole_champion_and_the_next_completes_it(
    contest: Contest, place: Any, name: str, after: bool
) -> None:
    crown(contest, 40)
    old = contest.champion()
    contest.export(answers(10))
    new = (contest.folder / "exported/model.onnx").read_bytes()
    assert killed(contest, place, name, after=after) == 9

    is_new = [step for _, step in STEPS].index(name) >= 4 or (name == "_exchange" and after)
    serving = contest.champion()
    assert serving["model.onnx"] == new if is_new else serving == old
    assert sorted(serving) == ["certificate.json", "decision.json", "model.onnx", "signature.json"]

    decision = promote("pets", contest.root)
    assert decision["verdict"] == ("unchanged" if is_new else "promoted")
    assert contest.champion()["model.onnx"] == new
    assert [entry["verdict"] for entry in history.read(contest.folder)] == ["promoted", "promoted"]
    assert history.current(history.read(contest.folder), history.current_md5(contest.folder))["number"] == 2
    assert contest.changed_in_dvc() == {}
    assert not (contest.root / "data/.tmp/pets/champion").exists()


def test_a_rollback_restores_the_former_champion_byte_for_byte(contest: Contest) -> None:
    crown(contest, 40)
    old = contest.champion()
    crown(contest, 10)
    assert rollback("pets", contest.root)["number"] == 1
    assert contest.champion() == old
    assert contest.changed_in_dvc() == {}


def test_rollbacks_go_back_step_by_step_and_forward_by_number_or_hash(contest: Contest) -> None:
    for num_wrong in (40, 30, 20):
        crown(contest, num_wrong)
    assert [rollback("pets", contest.root)["number"] for _ in range(2)] == [2, 1]
    with pytest.raises(ConfigError, match="'pets' has no former champion to go back to"):
        rollback("pets", contest.root)
    entries = history.read(contest.folder)
    assert rollback("pets", contest.root, "3")["number"] == 3
    assert rollback("pets", contest.root, entries[1]["sha256"][:8])["number"] == 2
    assert rollback("pets", contest.root, entries[0]["md5"])["number"] == 1
    crown(contest, 10)  # what serves before it is promotion 1
    assert rollback("pets", contest.root)["number"] == 1
    with pytest.raises(ConfigError, match="Promotion 1 of 'pets' is the champion already"):
        rollback("pets", contest.root, "1")
    with pytest.raises(ConfigError, match="--to abcdef is no promotion of 'pets'"):
        rollback("pets", contest.root, "abcdef")


def test_a_rollback_without_a_champion_is_told(contest: Contest) -> None:
    with pytest.raises(ConfigError, match="'pets' has no champion to go back to"):
        rollback("pets", contest.root)


def test_a_champion_that_the_cache_does_not_hold_is_told_and_the_present_one_stays(contest: Contest) -> None:
    crown(contest, 40)
    first = history.read(contest.folder)[0]["md5"]
    crown(contest, 10)
    serving = contest.champion()
    (contest.root / ".dvc/cache/files/md5" / first[:2] / first[2:]).unlink()
    with pytest.raises(ConfigError, match=r"Where a remote has it, fetch it: dvc fetch --all-commits data/pets/champion\.dvc"):
        rollback("pets", contest.root)
    assert contest.champion() == serving


def test_git_and_dvc_checkout_bring_the_former_champion_back(contest: Contest) -> None:
    crown(contest, 40)
    old = contest.champion()
    contest.git("add", ".")
    contest.git("commit", "-q", "-m", "first")
    crown(contest, 10)
    contest.git("checkout", "--", "data")
    with Repo(str(contest.root)) as repo:
        repo.checkout(["data/pets/champion.dvc"], force=True)
    assert contest.champion() == old
    assert len(history.read(contest.folder)) == 1
    assert promote("pets", contest.root)["verdict"] == "promoted"  # the challenger beats it once more


def test_the_pointer_is_what_dvc_add_writes_and_git_is_told_to_ignore_the_folder(contest: Contest) -> None:
    crown(contest, 40)
    pointer = contest.folder / "champion.dvc"
    ours = pointer.read_text()
    pointer.unlink()
    with Repo(str(contest.root)) as repo:
        repo.add("data/pets/champion")
    assert pointer.read_text() == ours
    assert not (contest.folder / ".gitignore").exists()  # the repository's own one has it


def test_where_the_file_system_cannot_exchange_two_names_the_old_champion_is_moved_aside(
    contest: Contest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_exchange", lambda one, other: False)
    crown(contest, 40)
    crown(contest, 10)
    assert len(history.read(contest.folder)) == 2
    assert contest.changed_in_dvc() == {}


def test_a_champion_that_was_moved_aside_when_the_process_died_comes_back(contest: Contest) -> None:
    crown(contest, 40)
    old = contest.champion()
    aside = contest.root / "data/.tmp/pets/champion/aside"
    aside.parent.mkdir(parents=True)
    (contest.folder / "champion").rename(aside)
    crown(contest, 60)
    assert contest.champion() == old


def test_an_error_after_the_exchange_is_made_good_by_the_next_command(
    contest: Contest, monkeypatch: pytest.MonkeyPatch
) -> None:
    crown(contest, 40)

    def fail(folder: Path, stored: Any) -> None:
        raise OSError(28, "No space left on device", str(folder))

    contest.export(answers(10))
    with monkeypatch.context() as full:
        full.setattr(champion_store, "point", fail)
        with pytest.raises(ConfigError, match="Free some space"):
            promote("pets", contest.root)
    assert rollback("pets", contest.root)["number"] == 1
    assert [entry["action"] for entry in history.read(contest.folder)] == ["promotion", "promotion", "rollback"]


def test_dvc_repro_does_not_touch_the_champion(contest: Contest) -> None:
    crown(contest, 40)
    before = {path: path.stat().st_mtime_ns for path in sorted(contest.folder.glob("champion*"))}
    contest.export(answers(0))
    (contest.root / "dvc.yaml").write_text("stages: {note: {cmd: 'true', deps: [data/pets/exported]}}")
    with Repo(str(contest.root)) as repo:
        assert [stage.addressing for stage in repo.reproduce(all_pipelines=True)] == ["note"]
    assert {path: path.stat().st_mtime_ns for path in sorted(contest.folder.glob("champion*"))} == before


DVC_YAML = """\
stages:
  clean: {foreach: {pets: {}}, do: {cmd: 'true', outs: ["data/${key}/clean"]}}
  split: {foreach: {pets: {}}, do: {cmd: 'true', deps: ["data/${key}/clean"], outs: ["data/${key}/parts"]}}
  export:
    foreach: {pets: {}}
    do: {cmd: 'true', deps: ["data/${key}/clean", "data/${key}/parts"], outs: ["data/${key}/exported"]}
"""


def test_a_model_that_was_exported_before_the_parts_changed_is_no_challenger_unless_forced(contest: Contest) -> None:
    contest.export(answers(0))
    (contest.root / "dvc.yaml").write_text(DVC_YAML)
    with Repo(str(contest.root)) as repo:
        repo.commit(force=True)
    assert promote("pets", contest.root, dry_run=True)["promoted"]
    contest.write_samples(["cat", "dog"] * 80)
    with pytest.raises(
        ConfigError, match=r"data/pets/clean and data/pets/parts changed since .*exported was made.*dl run pets"
    ):
        promote("pets", contest.root)
    assert (
        "may have learnt from samples that are in the test part now" in promote("pets", contest.root, forced=True)["notes"][0]
    )


def test_a_second_promotion_waits_until_the_first_is_done(contest: Contest, capfd: pytest.CaptureFixture[str]) -> None:
    contest.export(answers(40))
    lock = contest.root / "data/.tmp/pets.champion.lock"
    lock.parent.mkdir(parents=True)
    process = os.fork()
    if process == 0:
        with locked(lock):
            (contest.root / "held").touch()
            time.sleep(0.5)
        os._exit(0)
    wait_for((contest.root / "held").exists)
    promote("pets", contest.root)
    assert "waiting for another process that runs pets.champion" in capfd.readouterr().out
    os.waitpid(process, 0)
