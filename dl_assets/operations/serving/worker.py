"""Asks the model, in one thread at a time: a batch, its rows in the log, its answers to those who wait."""

import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from dl_assets.operations.logs.log import Log
from dl_assets.operations.serving.asked import Answer, Failure, Input
from dl_assets.operations.serving.line import Line
from dl_assets.operations.serving.metrics import Metrics
from dl_assets.operations.serving.model import Model
from dl_assets.operations.serving.prepared import Prepared
from dl_assets.operations.serving.recording import Found, columns_of, read, row_of

_Result = tuple[Input, Answer | Failure]


@dataclass(frozen=True)
class Worker:
    """Takes batches from the line."""

    line: Line
    log: Log
    metrics: Metrics
    tell: Callable[[str], None]
    keeps_inputs: bool
    _is_working: threading.Lock = field(default_factory=threading.Lock)

    def work(self) -> None:
        """Answer what is ready, unless another thread is at it: that one then answers this too.

        Whoever has brought an input to the line calls this. A thread that only asks the model would have to be woken for
        each request, which costs more than a small model does.
        """
        while self.line.is_waiting and self._is_working.acquire(blocking=False):
            try:
                while batch := self.line.take():
                    self._answer(batch)
            finally:
                self._is_working.release()  # and look again: what came meanwhile was left to this thread

    def _answer(self, batch: Sequence[Input]) -> None:
        wanted = [one for one in batch if not one.asked.is_over]
        if wanted:
            _deliver(self._results(wanted))

    def _results(self, batch: Sequence[Input]) -> list[_Result]:
        """Answer a batch; what goes wrong in it is an answer, too."""
        try:
            answers = self._ask(batch[0].model, [one.prepared for one in batch])
        except Exception:  # noqa: BLE001 - onnxruntime has an exception of its own for each mistake
            self.tell(f"model {batch[0].model.version} failed:\n{traceback.format_exc()}")
            return [(one, Failure("the model failed; the log of the server says why", 500)) for one in batch]
        shadows = self._ask_shadow(batch)
        known = [(one, found, shadow) for one, found, shadow in zip(batch, answers, shadows, strict=True) if found]
        try:
            self._record(known)
        except OSError as error:
            self.tell(f"predictions cannot be logged, and are not answered ({error}). Make room on the disk.")
            return [(one, Failure("the prediction cannot be logged: the disk may be full", 503)) for one in batch]
        return [
            (one, Answer(one.id, found.values) if found else Failure("the model's answer is no number", 500))
            for one, found in zip(batch, answers, strict=True)
        ]

    def _ask(self, model: Model, prepared: Sequence[Prepared]) -> list[Found | None]:
        """Return what is predicted for each input; None where the answer is not finite."""
        started = time.perf_counter()
        outputs, embedded = model.ask(_stacked(prepared))  # [B, outputs], [B, K]
        self.metrics.inference.observe(time.perf_counter() - started)
        self.metrics.batch.observe(len(prepared))
        return read(model, outputs, embedded)

    def _ask_shadow(self, batch: Sequence[Input]) -> list[Found | None]:
        """Ask the challenger too; where it cannot be asked, the champion's answer is none the worse."""
        given = [one.shadow[1] if one.shadow else None for one in batch]
        prepared = [one for one in given if one]
        if batch[0].shadow is None or not prepared:
            return [None] * len(batch)
        try:
            found = iter(self._ask(batch[0].shadow[0], prepared))
        except Exception as error:  # noqa: BLE001 - as above
            self.tell(f"the challenger {batch[0].shadow[0].version} failed: {error}")
            return [None] * len(batch)
        return [next(found) if one else None for one in given]

    def _record(self, known: Sequence[tuple[Input, Found, Found | None]]) -> None:
        if not known:
            return
        first = known[0][0]
        columns = columns_of(first.model, first.shadow and first.shadow[0], keeps_inputs=self.keeps_inputs)
        self.log.append(columns, [row_of(*one) for one in known])
        self._count(known)

    def _count(self, known: Sequence[tuple[Input, Found, Found | None]]) -> None:
        classes = known[0][0].model.classes
        for _, found, shadow in known:
            prediction = found.values["prediction"]
            if classes:
                self.metrics.predictions.labels(prediction).inc()
            if shadow:
                self.metrics.shadow.labels(str(prediction == shadow.values["prediction"]).lower()).inc()


def _stacked(prepared: Sequence[Prepared]) -> dict[str, Any]:
    """[1, ...] each -> [B, ...] by name."""
    if len(prepared) == 1:
        return prepared[0].inputs
    return {name: np.concatenate([one.inputs[name] for one in prepared]) for name in prepared[0].inputs}


def _deliver(results: Sequence[_Result]) -> None:
    """Hand all results to the event loop at once: waking it costs more than the work."""

    def put() -> None:
        for one, result in results:
            one.asked.put(one.place, result)

    results[0][0].asked.loop.call_soon_threadsafe(put)
