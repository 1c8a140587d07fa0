"""A request while its inputs are on their way, and each of these inputs."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

from dl_assets.operations.serving.model import Model
from dl_assets.operations.serving.prepared import Prepared


@dataclass(frozen=True)
class Failure:
    """Why one input has no answer, and the status that a request has of which none has."""

    message: str
    status: int = 422


@dataclass(frozen=True)
class Answer:
    """The id by which a prediction is found again, and the prediction with all that the kind of target tells."""

    id: str
    values: dict[str, Any]


class Asked:
    """Collects an answer or a failure for each input; `all` is done when the last one is there. Belongs to the event loop."""

    def __init__(self, num_inputs: int) -> None:
        self.loop = asyncio.get_running_loop()
        self.all: asyncio.Future[None] = self.loop.create_future()
        self.results: list[Answer | Failure | None] = [None] * num_inputs
        self.started = time.perf_counter()
        self.is_over = False  # nobody waits for it any more
        self._num_missing = num_inputs

    def put(self, place: int, result: Answer | Failure) -> None:
        self.results[place] = result
        self._num_missing -= 1
        if not self._num_missing and not self.all.done():
            self.all.set_result(None)


@dataclass(frozen=True, eq=False)
class Input:
    """One prepared input of a request, the model that it is prepared for, and the challenger, if it is asked,
    with what it is given: nothing where it cannot take the input."""

    id: str
    asked: Asked
    place: int
    model: Model
    prepared: Prepared
    shadow: tuple[Model, Prepared | None] | None = None
    raw: bytes | None = None  # where it is to be kept
