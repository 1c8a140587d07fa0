"""A webhook is told, asked again where that may help, and never stops anything."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from web import Web
from workspace import free_port

from dl_assets.operations.care import webhook
from dl_assets.operations.care.webhook import post

MESSAGE = {"event": "failed", "text": "train@pets failed: ä"}


@pytest.fixture
def web(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    monkeypatch.setattr(webhook, "_PAUSES", (0.0, 0.0))
    made = Web(tmp_path)
    yield made
    made.close()


def send(address: str) -> tuple[bool, list[str]]:
    told: list[str] = []
    return post(address, MESSAGE, told.append), told


def test_a_message_arrives_as_json(web: Web) -> None:
    assert send(f"{web.url}/hook") == (True, [])
    assert web.posted == [MESSAGE]


def test_the_address_may_stand_in_the_environment(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOOK", f"{web.url}/hook")
    assert send("env:HOOK") == (True, [])


@pytest.mark.parametrize("value", [None, "no url", "file:///etc/passwd"])
def test_a_variable_that_holds_no_url_is_told_by_its_name(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if value:
        monkeypatch.setenv("HOOK", value)
    assert send("env:HOOK") == (False, ["nobody was told: HOOK in the environment is no URL for notify.webhook."])


def test_a_busy_server_is_asked_three_times(web: Web) -> None:
    web.statuses = [500, 429]
    assert send(web.url) == (True, [])
    assert len(web.posted) == 3


def test_a_server_that_stays_broken_is_told_without_the_secret_of_the_address(web: Web) -> None:
    web.statuses = [500] * 9
    (arrived, (told,)) = send(f"{web.url}/services/secret?token=secret")
    assert not arrived
    assert "the server of notify.webhook (127.0.0.1) did not take the message (HTTP 500)" in told
    assert "secret" not in told
    assert len(web.posted) == 3


def test_a_server_that_says_no_is_not_asked_again(web: Web) -> None:
    web.statuses = [404] * 9
    assert "(HTTP 404)" in send(web.url)[1][0]
    assert len(web.posted) == 1


def test_a_server_that_hangs_is_given_up(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "_TIMEOUT_SECONDS", 0.1)
    web.late = 30
    arrived, told = send(web.url)
    assert not arrived
    assert "TimeoutError" in told[0]
    assert len(web.posted) == 3


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:{port}/secret", "http://[secret/", "http://secret host/", "http://a:secret/"]
)
def test_an_address_that_leads_nowhere_is_told_and_raises_nothing(address: str, web: Web) -> None:
    arrived, told = send(address.format(port=free_port()))
    assert not arrived
    assert len(told) == 1
    assert "http" not in told[0]


def test_a_whole_message_takes_less_than_the_minute_that_dagster_gives_a_sensor() -> None:
    assert 3 * webhook._TIMEOUT_SECONDS + sum((1.0, 4.0)) < 60
