"""Right answers that come back over HTTP: held against the log of predictions, and written down before they are confirmed."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from dl_assets.operations.feedback import FEEDBACK, problems_of
from dl_assets.operations.logs.log import Log
from dl_assets.operations.logs.window import logged_among
from dl_assets.operations.serving.body import Given
from dl_assets.operations.serving.metrics import Metrics
from dl_assets.operations.serving.model import Model
from dl_assets.operations.serving.refusal import Refused
from dl_assets.operations.serving.rows import is_text

_COLUMNS = {"id": "String", "target": "String", "time": "Time"}
_FIELDS = {"id", "target"}

Entry = dict[str, str]


class Feedback:
    """Takes the right answers to predictions that are logged in `predictions`."""

    def __init__(self, predictions: Path, log: Log, metrics: Metrics) -> None:
        self._predictions, self._log, self._metrics = predictions, log, metrics

    def take(self, given: Sequence[Given], model: Model) -> tuple[int, dict[str, Any]]:
        """Return status and content: an entry for each answer, in their order. Raises Refused where none can be written."""
        entries = [_entry(one.value) for one in given]
        told = pl.DataFrame([one for one in entries if "error" not in one], schema={"id": pl.String, "target": pl.String})
        problems = problems_of(told, logged_among(self._predictions, set(told["id"])), model.exported)
        now = time.time_ns() // 1000
        self._write([{**row, "time": now} for row in told.filter(problems.is_null()).to_dicts()])
        found = iter(problems)
        results = [one if "error" in one else _result(one["id"], next(found)) for one in entries]
        num_taken = sum("error" not in one for one in results)
        self._metrics.feedback.labels("taken").inc(num_taken)
        self._metrics.feedback.labels("refused").inc(len(results) - num_taken)
        if num_taken:
            return 200, {FEEDBACK: results}
        return 422, {"error": f"nothing was taken; the first: {results[0]['error']}", FEEDBACK: results}

    def _write(self, rows: Sequence[dict[str, Any]]) -> None:
        if not rows:
            return
        try:
            self._log.append(_COLUMNS, rows)
        except OSError as error:
            raise Refused(503, f"Nothing was taken: it cannot be written ({error.strerror}).", retry_after=10) from error


def _entry(value: Any) -> Entry:
    """Return id and target as texts, or an error."""
    if not isinstance(value, dict) or set(value) != _FIELDS:
        found = ", ".join(map(repr, list(value)[:5])) if isinstance(value, dict) else type(value).__name__
        return {"error": f"it must have the fields id and target, and no other; found: {found[:100]}"}
    id_, target = value["id"], value["target"]
    if not is_text(id_):
        return {"error": "its id is no text"}
    if isinstance(target, bool) or not (is_text(target) or isinstance(target, int | float)):
        return {"id": id_, "error": "its target is neither a text nor a number"}
    return {"id": id_.strip(), "target": target.strip() if isinstance(target, str) else json.dumps(target)}


def _result(prediction_id: str, problem: str | None) -> Entry:
    return {"id": prediction_id, **({"error": f"it comes {problem}"} if problem else {"outcome": "taken"})}
