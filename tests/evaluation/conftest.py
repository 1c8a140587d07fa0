"""Answers of an imagined model, wrong now and then, whose probabilities have ties."""

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from dl_assets.evaluation import classes
from dl_assets.evaluation.gallery import Gallery
from dl_assets.evaluation.panel import Panel
from dl_assets.evaluation.report import Findings
from dl_assets.pages import style

Make = Callable[..., pl.DataFrame]


def make_predictions(num_samples: int, classes: list[str], *, seed: int = 0, without: str = "") -> pl.DataFrame:
    """Predictions of `num_samples` test samples; none of them has the target `without`."""
    rng = np.random.default_rng(seed)
    target = rng.choice([index for index, name in enumerate(classes) if name != without], num_samples)
    logits = rng.normal(size=(num_samples, len(classes)))
    logits[np.arange(num_samples), target] += 1.5
    probabilities = np.exp(np.round(logits, 1))  # rounded, so that some samples score alike
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    prediction = probabilities.argmax(axis=1)
    return pl.DataFrame(
        {
            "id": [f"{index:04d}" for index in range(num_samples)],
            "part": ["test"] * num_samples,
            "target": [classes[index] for index in target],
            "prediction": [classes[index] for index in prediction],
            "confidence": probabilities.max(axis=1),
            **{f"probability_{name}": probabilities[:, index] for index, name in enumerate(classes)},
        }
    )


@pytest.fixture
def make() -> Make:
    return make_predictions


NASTY = '<b>&"bold"</b>'
NAMES = [NASTY, "dog", "fish"]


@pytest.fixture
def findings(make: Make) -> Findings:
    predictions = make(80, NAMES)
    fitted = {"classes": NAMES}
    metrics = classes.metrics(predictions, fitted, bootstrap_samples=100, seed=17)
    mistakes = classes.mistakes(predictions).with_columns(origin=pl.lit("<script>alert(1)</script>.jpg"))
    figure = style.png(classes.figures(predictions, fitted)["calibration"])
    return Findings(
        pipeline="pets",
        task="image_classification",
        sentence=classes.sentence(metrics, predictions),
        headline=classes.HEADLINE,
        further=classes.FURTHER,
        metrics=metrics,
        samples=predictions.select("part", strata=pl.concat_list("target")),
        rejected=pl.DataFrame({"reason": ["truncated", "truncated", "too_small"]}),
        figures={"calibration": figure},
        captions=classes.CAPTIONS,
        panels=[Panel("Columns", "Which matter.", {"columns": figure}, ["column", "loss"], [[NASTY, "0.5"], ["age", "–"]])],
        mistakes=mistakes.head(5),
        num_mistakes=len(mistakes),
        telling=classes.MISTAKES,
        pictures={mistakes["id"][0]: figure},
        galleries=[Gallery("dog taken for fish", "Both swim.", mistakes.head(2))],
        card={"model": {"name": "cnn", "options": {"width": 32}}, "seed": 17, "seconds": 12.3, "val": {"val_accuracy": 0.9}},
    )
