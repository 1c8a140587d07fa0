"""`dl tune` as a process: kill -9, Ctrl-C, and what is left for the next call."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from optuna.trial import FrozenTrial, TrialState
from workspace import wait_for

from dl_assets import progress
from dl_assets.errors import PipelineError
from dl_assets.operations.tune import Stopped, tune
from dl_assets.operations.tuning import journal
from dl_assets.operations.tuning.journal import cut_half_line, locked
from dl_assets.operations.tuning.study import Study

COMMAND = (
    "import sys; from pathlib import Path; from dl_assets.operations.tune import tune; tune('tiny', Path(), write='always')"
)
LONG = "100000"
PATIENCE = 180  # seconds: a busy machine takes half a minute to import what a worker needs
RATES = "train.learning_rate: {low: 1.0e-4, high: 1.0e-2, log: true}"


@pytest.fixture
def start(project: Any) -> Iterator[Callable[[], "subprocess.Popen[bytes]"]]:
    """Start a search in the project; what it says goes into the file `log`."""
    started = []

    def run() -> "subprocess.Popen[bytes]":
        environment = {key: value for key, value in os.environ.items() if not key.startswith("DL_")}
        with (project.root / "log").open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-c", COMMAND],
                cwd=project.root,
                env={**environment, "OMP_NUM_THREADS": "1"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()  # and its workers with it
        process.wait()


def workers(process: "subprocess.Popen[bytes]") -> list[psutil.Process]:
    return [child for child in psutil.Process(process.pid).children() if "tuning.worker" in " ".join(child.cmdline())]


def running(study: Study) -> list[FrozenTrial]:
    """The trials that are in their second epoch or later."""
    trials = study.optuna.get_trials(states=(TrialState.RUNNING,))
    return [trial for trial in trials if trial.intermediate_values]


@pytest.mark.timeout(600)
def test_a_killed_worker_is_replaced_and_a_killed_search_goes_on_without_losing_a_trial(project: Any, start: Any) -> None:
    project.write(f"{{trials: 4, workers: 2, pruner: none, sampler: random, space: {{{RATES}}}}}", epochs="150")
    study = project.study()
    process = start()
    wait_for(lambda: len(workers(process)) == 2 and running(study), PATIENCE, "the first trial")
    victim = running(study)[0]
    next(child for child in workers(process) if victim.user_attrs["worker"] in child.cmdline()).kill()
    wait_for(lambda: study.rows()[victim.number].state == "killed", PATIENCE, "the trial to be marked")
    wait_for(lambda: len(workers(process)) == 2, PATIENCE, "the worker to be replaced")
    wait_for(lambda: any(row.state == "complete" for row in study.rows()), PATIENCE, "a complete trial")
    children = workers(process)
    process.kill()
    process.wait(10)
    before = [row for row in study.rows() if row.state == "complete"]
    tune("tiny", project.root, workers=1)
    after = study.rows()
    assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)
    assert [row for row in after if row in before] == before, "what was done is kept as it was"
    assert sum(row.state == "complete" for row in after) == 4
    assert {row.state for row in after} == {"complete", "killed"}
    assert [row.number for row in after] == list(range(len(after)))
    told = json.loads((project.study().home.folder / "trials.json").read_text())
    assert told["counts"] == {"complete": 4, "killed": len(after) - 4}
    assert [trial["number"] for trial in told["trials"]] == list(range(len(after)))


def test_an_interrupt_while_the_journal_is_opened_leaves_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(path: Path) -> None:
        raise KeyboardInterrupt

    lock = journal._KernelLock(tmp_path / "journal", tmp_path / "lock")
    with monkeypatch.context() as patch:
        patch.setattr(journal, "cut_half_line", interrupt)
        with pytest.raises(KeyboardInterrupt):
            lock.acquire()
    with (tmp_path / "lock").open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert lock.acquire() and lock.acquire()  # the second without the release of the first, as Ctrl-C may leave it
    lock.release()


@pytest.mark.timeout(600)
def test_an_interrupted_search_ends_its_workers_and_says_how_to_go_on(project: Any, start: Any) -> None:
    project.write(f"{{trials: 4, pruner: none, space: {{{RATES}}}}}", epochs=LONG)
    study = project.study()
    process = start()
    wait_for(lambda: running(study), PATIENCE, "a trial to begin")
    children = workers(process)
    process.send_signal(signal.SIGINT)
    process.wait(PATIENCE)
    told = (project.root / "log").read_text()
    assert "Stopped: stopped. 0 of 4 trials are done and kept. Go on by: dl tune tiny" in told
    assert not any(child.is_running() for child in children)
    assert {row.state for row in study.rows()} == {"killed"}
    assert (study.home.folder / "report.html").is_file()


@pytest.mark.timeout(600)
def test_a_search_reports_writes_when_asked_to_and_goes_on_from_there(
    project: Any, capsys: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(progress.EVENT_FILE, str(tmp_path / "events"))
    monkeypatch.setenv(progress.ADDRESS, "")
    project.write(
        "{sampler: grid, pruner: none, space: {train.learning_rate: [1.0e-12, 3.0e-3]}}", learning_rate="1.0e-12  # slow"
    )
    before, study = project.file.read_text(), project.study()
    tune("tiny", project.root, write="never")
    told = capsys.readouterr().out
    assert project.file.read_text() == before
    assert "1 of 2: trial 0 complete, val_loss" in told and "2 of 2: trial 1" in told
    events = [json.loads(line) for line in (tmp_path / "events").read_text().splitlines()]
    assert [(event["kind"], event["address"], event["done"], event["total"]) for event in events] == [
        ("progress", "tune@tiny", 1, 2),
        ("progress", "tune@tiny", 2, 2),
    ]
    best = study.best()
    assert best is not None and best.values == {"train.learning_rate": 0.003}
    assert "+  learning_rate: 0.003  # slow" in told and "Nothing is written. To write this: dl tune tiny --yes" in told

    tune("tiny", project.root, write="always")
    told = capsys.readouterr().out
    assert "2 of 2 trials are done." in told
    assert project.file.read_text() == before.replace("1.0e-12  # slow", "0.003  # slow")

    tune("tiny", project.root, as_json=True)
    summary = json.loads(capsys.readouterr().out)
    assert (summary["study"], summary["diff"], summary["written"]) == (study.home.key, "", False)

    project.write("{trials: 1, pruner: none, space: {train.learning_rate: [3.0e-3, 1.0e+30]}}", learning_rate="1.0e+30")
    with pytest.raises(PipelineError, match=r"none of 1 trials came to its end. 1 of them failed alike: the \w+ loss became"):
        tune("tiny", project.root)
    told = capsys.readouterr().out
    assert f"The search space changed, so a new study begins: {project.study().home.key}, 1 trials." in told
    assert f"The one before is kept: data/tiny/tune/{study.home.key}" in told
    assert study.rows()[0].state == "complete"


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"epochs": "4"}, "the rest of the pipeline file"),
        ({"clean": "{image_size: 8, channels: 1, min_side: 4}"}, "the rest of the pipeline file"),
        ({"augment": "light"}, "the rest of the pipeline file"),
        ({"learning_rate": "0.5"}, None),
        ({"evaluate": "{gallery: 3}"}, None),
    ],
    ids=str,
)
def test_what_the_values_depend_on_makes_another_study(project: Any, changes: dict[str, str], part: str | None) -> None:
    tune_section = "{space: {train.learning_rate: [1.0e-3, 1.0e-2]}}"
    project.write(tune_section)
    before = project.study().home.parts_of_key()
    project.write(tune_section, **changes)
    after = project.study().home.parts_of_key()
    assert [name for name, value in after.items() if value != before[name]] == ([part] if part else [])


@pytest.mark.parametrize(
    ("section", "part"),
    [
        ("{space: {train.learning_rate: [1.0e-3, 1.0e-2, 0.1]}}", "the search space"),
        ("{sampler: grid, space: {train.learning_rate: [1.0e-3, 1.0e-2]}}", "the search space"),
        ("{metric: val_accuracy, space: {train.learning_rate: [1.0e-3, 1.0e-2]}}", "the metric"),
        (
            "{sampler: random, trials: 5, seed: 3, pruner: none, workers: 2, space: {train.learning_rate: [1.0e-3, 1.0e-2]}}",
            None,
        ),
    ],
)
def test_another_space_or_metric_makes_another_study(project: Any, section: str, part: str | None) -> None:
    before = project.study().home.parts_of_key()
    project.write(section)
    after = project.study().home.parts_of_key()
    assert [name for name, value in after.items() if value != before[name]] == ([part] if part else [])


def test_half_a_line_of_the_journal_is_cut_before_the_next_is_written(project: Any) -> None:
    study = project.study()
    trial = study.next_trial("0.0", 9)
    whole = study.home.journal.read_bytes()
    study.home.journal.write_bytes(whole + b'{"op_code": 6, "work')
    assert project.study().rows() == study.rows()
    again = project.study()
    again.optuna.tell(trial.number, 1.0)
    assert study.home.journal.read_bytes().startswith(whole)
    assert [row.state for row in project.study().rows()] == ["complete"]
    cut_half_line(study.home.journal)
    assert project.study().rows() == again.rows()


def test_a_lock_is_held_as_long_as_one_process_lives_that_was_given_it(tmp_path: Path) -> None:
    with locked(tmp_path / "lock") as lock:
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1.5)"], pass_fds=(lock.fileno(),))
    started = time.monotonic()
    with locked(tmp_path / "lock"):
        assert child.poll() is not None or time.monotonic() - started > 0.2
    child.wait()


def test_an_interruption_is_told_with_the_exit_code_of_one() -> None:
    assert Stopped("x").exit_code == 130
