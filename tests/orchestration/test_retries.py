"""Which failed steps Dagster tries again, and that the others end at once."""

import signal
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dvc.exceptions import ReproductionError
from dvc.lock import LockError
from dvc.stage.exceptions import StageCmdFailedError

from dl_assets.errors import CheckFailed, ConfigError, DataError, Outage, PipelineError
from dl_assets.orchestration import reproduce, retries
from dl_assets.orchestration.execution import RunFailed, follow
from dl_assets.orchestration.retries import fail_step

RETRIES = "STEP_UP_FOR_RETRY"


def run(codes: list[int], monkeypatch: pytest.MonkeyPatch) -> tuple[dg.ExecuteInProcessResult, int]:
    """Run a step whose tries end with these exit codes; return the run, and how often it was tried."""
    monkeypatch.setattr(retries, "WAIT_SECONDS", (0.0, 0.0))
    left = list(codes)

    @dg.op
    def step(context: dg.OpExecutionContext) -> None:
        code = left.pop(0)
        if code:
            try:
                raise RunFailed("the source does not answer.", code, ["dl", "run", "digits"])
            except RunFailed as error:
                fail_step(context, error)

    @dg.job
    def job() -> None:
        step()

    with dg.DagsterInstance.ephemeral() as instance:
        return job.execute_in_process(instance=instance, raise_on_error=False), len(codes) - len(left)


def test_an_outage_that_passes_is_survived_and_the_retries_are_events_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    result, tries = run([75, 75, 0], monkeypatch)
    assert result.success and tries == 3
    asked = [event.event_specific_data.error.cause for event in result.all_events if event.event_type_value == RETRIES]
    assert ["the source does not answer." in cause.message for cause in asked] == [True, True]


def test_an_outage_that_lasts_fails_after_two_retries_as_any_failure_does(monkeypatch: pytest.MonkeyPatch) -> None:
    result, tries = run([75, 75, 75, 0], monkeypatch)
    assert not result.success and tries == 3
    (failure,) = [event.step_failure_data.user_failure_data for event in result.all_events if event.is_step_failure]
    assert failure.description == "the source does not answer."
    assert {name: value.value for name, value in failure.metadata.items()} == {"exit_code": 75, "command": "dl run digits"}


@pytest.mark.parametrize("error", [PipelineError, CheckFailed, ConfigError, DataError, MemoryError])
def test_any_other_error_is_tried_once(error: type[Exception], monkeypatch: pytest.MonkeyPatch) -> None:
    code = getattr(error, "exit_code", 1)
    assert code != Outage.exit_code
    assert run([code, 0], monkeypatch)[1] == 1


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, 75), (signal.SIGTERM, 1), (signal.SIGSEGV, 1)])
def test_a_stage_that_was_killed_may_be_tried_again_but_none_that_crashed_or_was_ended(number: int, code: int) -> None:
    for status in (-number, 128 + number):
        message, found = explained(StageCmdFailedError("train stage", status))
        assert found == code
        assert f"train@digits was ended by signal {number}; if nobody did that, the machine may be out of memory." in message
        assert ("It may help to run it again." in message) == (code == 75)


def test_the_exit_code_of_an_outage_passes_through_dvc() -> None:
    assert explained(StageCmdFailedError("ingest stage", 75))[1] == 75
    assert explained(StageCmdFailedError("ingest stage", 3))[1] == 1


def test_a_lock_that_stays_taken_and_a_storage_that_is_away_are_outages() -> None:
    assert explained(LockError("taken"))[1] == 75
    assert explained(ConnectionRefusedError(111, "refused"))[1] == 75


def explained(cause: Exception) -> tuple[str, int]:
    error = ReproductionError("train@digits")
    error.__cause__ = cause
    return reproduce._explain("train@digits", error)


def test_a_command_that_is_killed_without_a_word_may_be_tried_again(tmp_path: Path) -> None:
    def ended_by(number: int) -> Any:
        with pytest.raises(RunFailed) as caught:
            follow([sys.executable, "-c", f"import os; os.kill(os.getpid(), {number})"], tmp_path, lambda event: None)
        return caught.value.exit_code

    assert (ended_by(signal.SIGKILL), ended_by(signal.SIGTERM)) == (75, 1)
