"""All that answers requests, put together: models, line, threads, log and metrics."""

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dl_assets.operations.feedback import FEEDBACK
from dl_assets.operations.logs.log import Log
from dl_assets.operations.serving.asked import Answer, Asked, Failure
from dl_assets.operations.serving.body import Given
from dl_assets.operations.serving.feedback import Feedback
from dl_assets.operations.serving.limits import Limits
from dl_assets.operations.serving.line import Line
from dl_assets.operations.serving.metrics import Metrics
from dl_assets.operations.serving.model import Model
from dl_assets.operations.serving.preparing import Preparing
from dl_assets.operations.serving.refusal import Refused
from dl_assets.operations.serving.slot import Slot
from dl_assets.operations.serving.space import Space
from dl_assets.operations.serving.worker import Worker

PREDICTIONS = "predictions"
WATCHED_SECONDS = 1.0


class Server:
    """Answers from `start` to `stop`, which the event loop calls; `folder` is where the pipeline has its data."""

    def __init__(
        self, name: str, slot: Slot, shadow: Slot | None, folder: Path, limits: Limits, *, keeps_inputs: bool = False
    ) -> None:
        self.name, self.limits = name, limits
        self._slot, self._shadow, self._folder, self._keeps_inputs = slot, shadow, folder, keeps_inputs
        self.space = Space(limits.max_bytes)
        self._line = Line(limits.queue, limits.max_batch, limits.wait_ms / 1000)
        self.metrics = Metrics(queue=lambda: float(len(self._line)))
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        predictions, feedback = self._folder / PREDICTIONS, self._folder / FEEDBACK
        self._logs = (Log(predictions, tell), Log(feedback, tell))
        self._feedback = Feedback(predictions, self._logs[1], self.metrics)
        self._preparing = Preparing(Worker(self._line, self._logs[0], self.metrics, tell, self._keeps_inputs))
        self.metrics.serves(self.model.version)
        self._watch = asyncio.create_task(self._refresh())

    async def stop(self) -> None:
        """Answer what was taken on, and store the logs."""
        if self._watch:
            self._watch.cancel()
        self._line.close()
        await asyncio.to_thread(self._preparing.close)
        for log in self._logs:
            await asyncio.to_thread(log.close)

    @property
    def model(self) -> Model:
        model = self._slot.model
        assert model is not None, "a server is made once a model is open"
        return model

    @property
    def shadow(self) -> Model | None:
        """The challenger that is asked beside the model; none while it is the same file, which would answer the same twice."""
        beside = self._shadow.model if self._shadow else None
        return beside if beside and beside.sha256 != self.model.sha256 else None

    @property
    def is_its_own_shadow(self) -> bool:
        return self._shadow is not None and self.shadow is None

    @property
    def is_ready(self) -> bool:
        return not self._line.is_closed

    async def answer(self, given: Sequence[Given], model: Model) -> list[Answer | Failure]:
        """Return an answer or a failure for each input, in their order. Raises Refused."""
        asked = Asked(len(given))
        self._line.admit(len(given))
        self._preparing.bring(asked, given, model, self.shadow)
        try:
            async with asyncio.timeout(self.limits.timeout_seconds):
                await asked.all
        except TimeoutError:
            told = f"There was no answer within {self.limits.timeout_seconds:g} seconds. Ask again later, or send less at once."
            raise Refused(504, told) from None
        finally:
            asked.is_over = True
        return [result for result in asked.results if result is not None]

    async def take(self, given: Sequence[Given]) -> tuple[int, dict[str, Any]]:
        """Take the right answers to earlier predictions; return status and content. Raises Refused."""
        return await asyncio.to_thread(self._feedback.take, given, self.model)

    async def _refresh(self) -> None:
        """Take new models while the old ones serve."""
        while True:
            await asyncio.sleep(WATCHED_SECONDS)
            for slot in filter(None, (self._slot, self._shadow)):
                num_refused = slot.num_refused
                if await asyncio.to_thread(slot.refresh):
                    self.metrics.swaps.inc()
                self.metrics.refused.inc(slot.num_refused - num_refused)
            self.metrics.serves(self.model.version)


def tell(message: str) -> None:
    """Say something to who watches the server."""
    print(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {message}", file=sys.stderr, flush=True)
