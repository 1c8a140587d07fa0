"""The queue: inputs that were taken on, until the model is asked about several at once."""

import threading
import time
from collections import deque
from collections.abc import Sequence

from dl_assets.operations.serving.asked import Input
from dl_assets.operations.serving.refusal import Refused


class Line:
    """Takes on inputs as long as there is room, and gives them out in batches for one model. Safe between threads."""

    def __init__(self, limit: int, max_batch: int, wait_seconds: float) -> None:
        self._limit, self._max_batch, self._wait_seconds = limit, max_batch, wait_seconds
        self._ready: deque[Input] = deque()
        self._num_coming = 0  # taken on, but not prepared yet
        self.is_closed = False
        self._changed = threading.Condition()

    def __len__(self) -> int:
        return self._num_coming + len(self._ready)

    def admit(self, num_inputs: int) -> None:
        """Take on inputs that are still to be prepared. Raises Refused where there is no room for all of them."""
        with self._changed:
            if self.is_closed or len(self) + num_inputs > self._limit:
                raise Refused(503, f"{len(self)} inputs wait already. Ask again in a second, or lower the load.", retry_after=1)
            self._num_coming += num_inputs

    def arrive(self, inputs: Sequence[Input], num_taken_on: int) -> None:
        """Bring prepared inputs; of those that were taken on for them, the others are lost."""
        with self._changed:
            self._num_coming -= num_taken_on
            self._ready.extend(inputs)
            self._changed.notify()

    @property
    def is_waiting(self) -> bool:
        """Whether an input is ready that nobody has taken yet."""
        return bool(self._ready)

    def take(self) -> list[Input]:
        """Return a batch of what is ready, an empty one where nothing is.

        It waits for more only while some are being prepared, and then at most as long as is allowed.
        """
        with self._changed:
            until = time.monotonic() + self._wait_seconds
            while 0 < len(self._ready) < self._max_batch and self._num_coming and (left := until - time.monotonic()) > 0:
                self._changed.wait(left)
            return self._batch()

    def _batch(self) -> list[Input]:
        """Inputs of two models, as there are after a promotion, are never in one batch."""
        batch: list[Input] = []
        while self._ready and len(batch) < self._max_batch and _are_alike(self._ready[0], batch):
            batch.append(self._ready.popleft())
        return batch

    def close(self) -> None:
        """Take on nothing more."""
        self.is_closed = True


def _are_alike(one: Input, batch: Sequence[Input]) -> bool:
    if not batch:
        return True
    first = batch[0]
    return one.model is first.model and (one.shadow and one.shadow[0]) is (first.shadow and first.shadow[0])
