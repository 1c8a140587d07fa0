"""Brings the inputs of a request to the line: decoded or typed, in threads, for the champion and for the challenger."""

import os
import traceback
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from dl_assets.artifacts.rejection import Rejection, TooLarge
from dl_assets.errors import DataError
from dl_assets.operations.logs.ids import new_id
from dl_assets.operations.serving.asked import Asked, Failure, Input
from dl_assets.operations.serving.body import Given
from dl_assets.operations.serving.model import Model
from dl_assets.operations.serving.prepared import Prepared
from dl_assets.operations.serving.worker import Worker

_Placed = tuple[int, Given]


class Preparing:
    """Threads that prepare inputs: decoders let go of the interpreter's lock. One more than cores, as one asks the model."""

    def __init__(self, worker: Worker) -> None:
        self._worker, self._line, self._tell = worker, worker.line, worker.tell
        self._pool = ThreadPoolExecutor((os.cpu_count() or 1) + 1, thread_name_prefix="prepare")

    def bring(self, asked: Asked, given: Sequence[Given], model: Model, shadow: Model | None) -> None:
        """Prepare inputs that the line has admitted; each gets its answer, or its failure, from now on."""
        placed = list(enumerate(given))
        size = model.front.together
        for start in range(0, len(placed), size):
            self._pool.submit(self._bring, asked, placed[start : start + size], model, shadow)

    def _bring(self, asked: Asked, placed: Sequence[_Placed], model: Model, shadow: Model | None) -> None:
        inputs: list[Input] = []
        failures: list[tuple[int, Failure]] = []
        try:
            inputs, failures = self._prepare(asked, placed, model, shadow)
        except Exception:  # noqa: BLE001 - a mistake of ours must not leave a request without an answer
            self._tell(f"inputs could not be prepared:\n{traceback.format_exc()}")
            failures = [
                (place, Failure("the input could not be prepared; the log of the server says why", 500)) for place, _ in placed
            ]
        self._line.arrive(inputs, len(placed))
        if failures:
            asked.loop.call_soon_threadsafe(_fail, asked, failures)
        self._worker.work()

    def _prepare(
        self, asked: Asked, placed: Sequence[_Placed], model: Model, shadow: Model | None
    ) -> tuple[list[Input], list[tuple[int, Failure]]]:
        sound = [(place, one) for place, one in placed if one.problem is None]
        failures = [(place, Failure(one.problem)) for place, one in placed if one.problem is not None]
        prepared = model.front.prepare([one.value for _, one in sound])
        shadows = self._for_shadow(sound, prepared, model, shadow)
        inputs: list[Input] = []
        for (place, one), found, beside in zip(sound, prepared, shadows, strict=True):
            if isinstance(found, Rejection):
                failures.append((place, Failure(str(found), 413 if isinstance(found, TooLarge) else 422)))
                continue
            raw = one.value if self._worker.keeps_inputs and isinstance(one.value, bytes) else None
            challenger = (shadow, beside) if shadow else None
            inputs.append(Input(new_id(), asked, place, model, found, challenger, raw))
        return inputs, failures

    def _for_shadow(
        self, sound: Sequence[_Placed], prepared: Sequence[Prepared | Rejection], model: Model, shadow: Model | None
    ) -> list[Prepared | None]:
        if shadow is None:
            return [None] * len(sound)
        try:
            own = prepared if shadow.is_fed_like(model) else shadow.front.prepare([one.value for _, one in sound])
        except DataError as error:
            self._tell(f"the challenger {shadow.version} cannot take the inputs of the champion: {error}")
            return [None] * len(sound)
        return [one if isinstance(one, Prepared) else None for one in own]

    def close(self) -> None:
        self._pool.shutdown()


def _fail(asked: Asked, failures: Sequence[tuple[int, Failure]]) -> None:
    for place, failure in failures:
        asked.put(place, failure)
