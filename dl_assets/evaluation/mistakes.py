"""How the report tells the mistakes of a model."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dl_assets.evaluation.headline import percent


@dataclass(frozen=True)
class Telling:
    """`what` names mistakes after their count, and `none` is said where there are none.

    `cells` has what is shown of one: target, prediction, and what else there is, by heading; those in `numbers` are amounts.
    """

    title: str
    what: str
    none: str
    cells: Callable[[dict[str, Any]], dict[str, str]]
    numbers: tuple[str, ...]


def confident(mistake: dict[str, Any]) -> dict[str, str]:
    """Tell an answer that comes with a confidence."""
    return {
        "target": mistake["target"],
        "prediction": mistake["prediction"],
        "confidence": percent(mistake["confidence"]),
    }


CONFIDENT = Telling(
    title="Its most confident mistakes",
    what="wrong answers in val and test; a wrong label in the data looks just like this",
    none="None: every sample of val and test is answered correctly.",
    cells=confident,
    numbers=("confidence",),
)
