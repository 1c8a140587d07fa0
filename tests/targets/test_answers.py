"""What a server is told of a few samples is what a table of predictions says of them."""

from typing import Any

import numpy as np
import pytest

from dl_assets import registry

NAMES = {"classes": ["cat", "dog", "fox"]}
TWO = {"classes": ["no", "yes"], "threshold": 0.3, "positive": "yes"}


@pytest.mark.parametrize("count", [0, 1, 7])
@pytest.mark.parametrize(
    ("kind", "fitted", "width"), [("classes", NAMES, 3), ("classes", TWO, 2), ("labels", NAMES, 3), ("numbers", {}, 1)]
)
def test_answers_are_the_rows_of_predictions(kind: str, fitted: dict[str, Any], width: int, count: int) -> None:
    targets = registry.module("targets", kind)
    outputs = np.random.default_rng(17).dirichlet(np.ones(width), count).astype(np.float32)
    assert targets.answers(outputs, fitted) == targets.predictions(outputs, fitted).to_dicts()
