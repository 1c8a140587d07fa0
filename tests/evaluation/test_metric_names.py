"""What a kind of target says that is measured, is measured."""

import numpy as np
import polars as pl
import pytest

from dl_assets import registry

NAMES = ["cat", "cow", "dog", "fox", "owl", "pig"]  # more than five, for the share of samples that are among the five likeliest
CLASSES = pl.DataFrame(
    {
        "id": list("abcdef"),
        "target": NAMES,
        "prediction": ["cat", "cow", "dog", "fox", "owl", "cat"],
        "confidence": 0.5,
        **{
            f"probability_{name}": [0.5 if row == number else 0.1 for row in (0, 1, 2, 3, 4, 0)]
            for number, name in enumerate(NAMES)
        },
    }
)
NUMBERS = pl.DataFrame({"id": ["a", "b", "c"], "target": ["1", "2", "4"], "prediction": [1.5, 2.0, 3.0]})
FITTED = {"classes": NAMES}


@pytest.mark.parametrize(("kind", "predictions"), [("classes", CLASSES), ("labels", CLASSES), ("numbers", NUMBERS)])
def test_every_metric_that_may_decide_a_promotion_is_measured_the_first_of_the_report_before_others(
    kind: str, predictions: pl.DataFrame
) -> None:
    evaluation, named = registry.module("evaluation", kind), registry.module("targets", kind).METRICS
    found = evaluation.metrics(predictions, FITTED, bootstrap_samples=100, seed=1)
    assert set(named) <= set(found)
    assert next(iter(named)) == next(iter(evaluation.HEADLINE))
    assert set(named.values()) <= {"maximize", "minimize"}
    values = evaluation.measured(predictions, FITTED)(np.ones((1, len(predictions))))
    assert {name: values[name][0] for name in named} == {name: found[name]["value"] for name in named}
