"""A model is overdue when no run came to its end in time; a run that changed nothing is a run."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState
from dagster._core.definitions.freshness_evaluator import FRESHNESS_EVALUATORS_BY_POLICY_TYPE
from dagster._core.loader import LoadingContextForTest
from dagster._core.test_utils import freeze_time

from dl_assets.orchestration.definitions import build_definitions
from dl_assets.orchestration.overdue import freshness, longest_gap
from dl_assets.sections import Schedule


@pytest.mark.parametrize(
    ("cron", "timezone", "gap"),
    [
        ("0 3 * * 1", "UTC", timedelta(days=7)),
        ("0 3 * * 1-5", "UTC", timedelta(days=3)),
        ("*/5 9-17 * * 1-5", "UTC", timedelta(days=2, hours=15, minutes=5)),
        ("0 3 1 * *", "UTC", timedelta(days=31)),
        ("0 3 * * *", "Europe/Berlin", timedelta(days=1, hours=1)),  # in the night in which summer ends
        ("* * * * *", "UTC", timedelta(minutes=1)),
        ("0 0 29 2 *", "UTC", timedelta(days=366)),  # not within a year
    ],
)
def test_the_longest_gap_of_a_cron_is_what_may_lie_between_two_runs(cron: str, timezone: str, gap: timedelta) -> None:
    assert longest_gap(cron, timezone) == gap


@pytest.mark.parametrize(
    ("options", "window"),
    [
        ({"cron": "0 3 * * 1"}, timedelta(days=7, hours=6)),
        ({"cron": "0 3 * * 1", "max_hours": 20.0}, timedelta(days=7, hours=20)),
        ({"cron": "0 * * * *"}, timedelta(hours=1, minutes=30)),
    ],
)
def test_a_run_may_take_as_long_as_the_file_says_or_some_hours(options: dict[str, Any], window: timedelta) -> None:
    policy: Any = freshness(Schedule(**options))
    assert policy.fail_window.to_timedelta() == window


def state(instance: dg.DagsterInstance, node: Any, when: datetime) -> FreshnessState:
    """What Dagster's daemon finds at that time."""
    evaluator = FRESHNESS_EVALUATORS_BY_POLICY_TYPE[type(node.freshness_policy)]()
    with freeze_time(when):
        return asyncio.run(evaluator.evaluate_freshness(LoadingContextForTest(instance), node))


def test_a_run_in_which_nothing_had_changed_keeps_the_model_fresh_until_the_next_one_is_late(ran_once: Any) -> None:
    with contextlib.chdir(ran_once.root), dg.DagsterInstance.ephemeral() as instance:
        repository = build_definitions(ran_once.root).get_repository_def()
        key = dg.AssetKey(["digits", "exported"])
        node = repository.asset_graph.get(key)
        assert [str(n.key) for n in repository.asset_graph.asset_nodes if n.freshness_policy] == [str(key)]
        assert state(instance, node, datetime.now(UTC)) is FreshnessState.UNKNOWN
        result = repository.get_job("digits").execute_in_process(asset_selection=[key], instance=instance)
        assert any("export@digits: unchanged, skipped" in record.user_message for record in instance.all_logs(result.run_id))
        now = datetime.now(UTC)
        assert state(instance, node, now + timedelta(days=7, hours=5)) is FreshnessState.PASS
        assert state(instance, node, now + timedelta(days=7, hours=7)) is FreshnessState.FAIL
