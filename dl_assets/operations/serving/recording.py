"""What the log says of a prediction: its columns, and its row."""

import base64
import time
from typing import Any

from dl_assets.operations.serving.asked import Input
from dl_assets.operations.serving.model import Model

_SHADOW = "shadow_"
Values = dict[str, Any]


def columns_of(model: Model, shadow: Model | None, *, keeps_inputs: bool) -> dict[str, str]:
    """Return the columns of the log and what each holds."""
    return {
        **{"id": "String", "time": "Time", "model": "String", "latency_ms": "Float64"},
        **model.answered,
        **model.front.logged,
        **(_of_shadow(shadow) if shadow else {}),
        **({"input": "Bytes"} if keeps_inputs and model.front.given == "images" else {}),
    }


def _of_shadow(shadow: Model) -> dict[str, str]:
    short = {_SHADOW + name: kind for name, kind in shadow.answered.items() if _is_short(name)}
    return {f"{_SHADOW}model": "String", **short}


def _is_short(name: str) -> bool:
    """The challenger's probabilities are left out: they would double the log."""
    return name in ("prediction", "confidence")


def row_of(one: Input, values: Values, shadow: Values | None) -> Values:
    """Return a row of the log, in which what is not known is left out."""
    row = {
        "id": one.id,
        "time": time.time_ns() // 1000,
        "model": one.model.sha256,
        "latency_ms": round(1000 * (time.perf_counter() - one.asked.started), 3),
        **values,
        **one.prepared.logged,
    }
    if one.shadow:
        row[f"{_SHADOW}model"] = one.shadow[0].sha256
        row |= {_SHADOW + name: value for name, value in (shadow or {}).items() if _is_short(name)}
    if one.raw is not None:
        row["input"] = base64.b64encode(one.raw).decode()
    return row
