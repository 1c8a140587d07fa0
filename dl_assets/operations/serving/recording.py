"""What is said of a prediction: to who asked, and in the log, with its columns."""

import base64
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dl_assets.operations.serving.asked import Input
from dl_assets.operations.serving.model import Model

_SHADOW = "shadow_"
EMBEDDING = "embedding"
Values = dict[str, Any]


@dataclass(frozen=True)
class Found:
    """What a model says of one input: `values` to who asked, `logged` only in the log."""

    values: Values
    logged: Values


def read(model: Model, outputs: NDArray[np.float32], embedded: NDArray[np.float32] | None) -> list[Found | None]:
    """Return what a model says by its outputs, [B, outputs] and [B, K]; None where its answer is not finite."""
    rows = model.exported.targets.answers(outputs, model.exported.fitted)
    logged: list[Values] = [{}] * len(rows) if embedded is None else [{EMBEDDING: _rounded(row)} for row in embedded]
    answers = zip(outputs, rows, logged, strict=True)
    return [Found(row, more) if np.isfinite(output).all() else None for output, row, more in answers]


def _rounded(numbers: NDArray[np.float32]) -> Sequence[float] | None:
    """Return four digits of each: more would but lengthen the log. None where one is not finite, which JSON cannot say."""
    return [float(f"{number:.4g}") for number in numbers.tolist()] if np.isfinite(numbers).all() else None


def columns_of(model: Model, shadow: Model | None, *, keeps_inputs: bool) -> dict[str, str]:
    """Return the columns of the log and what each holds."""
    return {
        **{"id": "String", "time": "Time", "model": "String", "latency_ms": "Float64"},
        **model.answered,
        **model.front.logged,
        **({EMBEDDING: "Floats"} if model.exported.look else {}),
        **(_of_shadow(shadow) if shadow else {}),
        **({"input": "Bytes"} if keeps_inputs and model.front.given == "images" else {}),
    }


def _of_shadow(shadow: Model) -> dict[str, str]:
    short = {_SHADOW + name: kind for name, kind in shadow.answered.items() if _is_short(name)}
    return {f"{_SHADOW}model": "String", **short}


def _is_short(name: str) -> bool:
    """The challenger's probabilities are left out: they would double the log."""
    return name in ("prediction", "confidence")


def row_of(one: Input, found: Found, shadow: Found | None) -> Values:
    """Return a row of the log, in which what is not known is left out."""
    row = {
        "id": one.id,
        "time": time.time_ns() // 1000,
        "model": one.model.sha256,
        "latency_ms": round(1000 * (time.perf_counter() - one.asked.started), 3),
        **found.values,
        **found.logged,
        **one.prepared.logged,
    }
    if one.shadow:
        row[f"{_SHADOW}model"] = one.shadow[0].sha256
        row |= {_SHADOW + name: value for name, value in shadow.values.items() if _is_short(name)} if shadow else {}
    if one.raw is not None:
        row["input"] = base64.b64encode(one.raw).decode()
    return row
