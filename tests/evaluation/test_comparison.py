"""What `dvc plots` draws of every kind of target: a table of one shape, and the template that draws it."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from dvc_render.vega import VegaRenderer
from sklearn import metrics as reference

from dl_assets.evaluation import classes, labels, numbers
from dl_assets.evaluation.comparison import compare

TEMPLATE = Path(classes.__file__).with_name("comparison.json")
NAMES = ["cat", "dog", "fish"]


def of_labels(make: Any) -> pl.DataFrame:
    return make(80, NAMES).with_columns(prediction=pl.col("target"))


def of_numbers(make: Any) -> pl.DataFrame:
    return pl.DataFrame({"id": list("abcd"), "part": ["test"] * 4, "target": list("1234"), "prediction": [1.1, 2.2, 2.9, 4.5]})


@pytest.mark.parametrize(
    ("kind", "made", "fitted"),
    [
        (classes, lambda make: make(80, NAMES), {"classes": NAMES}),
        (labels, of_labels, {"classes": NAMES}),
        (numbers, of_numbers, {"scale": "linear"}),
    ],
    ids=["classes", "labels", "numbers"],
)
def test_dvc_draws_every_chosen_curve_by_its_revision(make: Any, kind: Any, made: Any, fitted: dict[str, Any]) -> None:
    table = compare(kind.curves(made(make), fitted), kind.COMPARED)
    assert table.columns == ["figure", "x", "y"] and table.null_count().sum_horizontal()[0] == 0
    assert table["figure"].unique().len() == len(kind.COMPARED)
    points = [{**row, "rev": "workspace", "step": step} for step, row in enumerate(table.to_dicts())]
    chart: Any = VegaRenderer(points, "comparison.csv", template=str(TEMPLATE), y="y").get_filled_template()
    assert chart["data"]["values"] == points
    encoding = chart["spec"]["encoding"]
    assert [encoding[axis]["field"] for axis in ("x", "y", "color")] == ["x", "y", "rev"]


def test_the_roc_curve_that_is_compared_has_the_area_of_the_metric(make: Any) -> None:
    predictions, fitted = make(400, NAMES), {"classes": NAMES}
    curve = compare(classes.curves(predictions, fitted), classes.COMPARED[:1])
    found = classes.metrics(predictions, fitted, bootstrap_samples=100, seed=17)
    assert reference.auc(curve["x"], curve["y"]) == pytest.approx(found["roc_auc"]["value"], abs=0.01)
