"""What a request is answered: a prediction for each input, or why there is none."""

import heapq
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from dl_assets.operations.serving.asked import Answer, Failure
from dl_assets.operations.serving.body import Given
from dl_assets.operations.serving.model import Model

_PROBABILITY = "probability_"
_GRAVEST = (500, 503, 422, 413)  # of several failures the status is the first of these


def reply(model: Model, given: Sequence[Given], results: Sequence[Answer | Failure], top: int) -> tuple[int, dict[str, Any]]:
    """Return status and content; the status is 200 where at least one input has an answer."""
    entries = [_entry(one, result, top) for one, result in zip(given, results, strict=True)]
    content = {"model": model.told(), "predictions": entries}
    failures = [result for result in results if isinstance(result, Failure)]
    if len(failures) < len(results):
        return 200, content
    status = min((failure.status for failure in failures), key=_GRAVEST.index)
    first = failures[0].message
    told = first if len(failures) == 1 else f"none of the {len(failures)} inputs can be answered; the first: {first}"
    return status, {"error": told, **content}


def _entry(given: Given, result: Answer | Failure, top: int) -> dict[str, Any]:
    name = {} if given.name is None else {"file": given.name}
    if isinstance(result, Failure):
        return {**name, "error": result.message}
    short = {key: value for key, value in result.values.items() if not key.startswith(_PROBABILITY)}
    probabilities = [
        (key.removeprefix(_PROBABILITY), value) for key, value in result.values.items() if key.startswith(_PROBABILITY)
    ]
    best = heapq.nlargest(top, probabilities, key=itemgetter(1))
    ranked = {"top": [{"class": key, "probability": value} for key, value in best]} if best else {}
    return {"id": result.id, **name, **short, **ranked}
