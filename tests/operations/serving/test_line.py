"""The queue: how long a batch waits, and what is in it."""

import asyncio
import threading
import time
from types import SimpleNamespace
from typing import cast

import pytest

from dl_assets.operations.serving.asked import Asked, Input
from dl_assets.operations.serving.line import Line
from dl_assets.operations.serving.model import Model
from dl_assets.operations.serving.prepared import Prepared
from dl_assets.operations.serving.refusal import Refused

ONE, OTHER = (cast(Model, SimpleNamespace()) for _ in range(2))  # a line only asks whether two are the same


def inputs(count: int, model: Model = ONE, shadow: Model | None = None) -> list[Input]:
    async def made() -> Asked:
        return Asked(count)

    asked = asyncio.run(made())
    return [
        Input(str(place), asked, place, model, Prepared({}, {}), (shadow, None) if shadow else None) for place in range(count)
    ]


def filled(line: Line, *batches: list[Input]) -> Line:
    for batch in batches:
        line.admit(len(batch))
        line.arrive(batch, len(batch))
    return line


def test_what_is_alone_does_not_wait() -> None:
    line = filled(Line(limit=10, max_batch=4, wait_seconds=60), inputs(1))
    assert len(line.take()) == 1


def test_a_batch_waits_for_what_is_being_prepared() -> None:
    line = filled(Line(limit=10, max_batch=4, wait_seconds=60), inputs(1))
    line.admit(2)
    threading.Timer(0.05, line.arrive, (inputs(2), 2)).start()
    assert len(line.take()) == 3


def test_it_does_not_wait_longer_than_it_may_nor_for_what_turned_out_to_be_broken() -> None:
    line = filled(Line(limit=10, max_batch=4, wait_seconds=0.01), inputs(1))
    line.admit(1)
    started = time.monotonic()
    assert len(line.take()) == 1 and time.monotonic() - started < 5
    line = filled(Line(limit=10, max_batch=4, wait_seconds=60), inputs(1))
    line.admit(1)
    threading.Timer(0.05, line.arrive, ([], 1)).start()
    assert len(line.take()) == 1


def test_batches_keep_the_order_and_are_of_one_model_and_one_challenger() -> None:
    batches = [inputs(3), inputs(2, OTHER), inputs(1, OTHER, shadow=ONE), inputs(1, OTHER)]
    line = filled(Line(limit=10, max_batch=2, wait_seconds=0), *batches)
    assert [[one.id for one in line.take()] for _ in range(5)] == [["0", "1"], ["2"], ["0", "1"], ["0"], ["0"]]


def test_room_is_given_back_when_inputs_are_taken() -> None:
    line = filled(Line(limit=3, max_batch=2, wait_seconds=0), inputs(3))
    with pytest.raises(Refused) as refused:
        line.admit(1)
    assert (refused.value.status, refused.value.retry_after) == (503, 1)
    line.take()
    line.admit(2)


def test_a_closed_line_gives_out_what_it_has_and_takes_on_nothing() -> None:
    line = filled(Line(limit=9, max_batch=2, wait_seconds=0), inputs(3))
    line.close()
    with pytest.raises(Refused):
        line.admit(1)
    assert [len(line.take()) for _ in range(3)] == [2, 1, 0]
