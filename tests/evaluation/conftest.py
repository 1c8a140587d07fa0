"""Answers of an imagined model, wrong now and then, whose probabilities have ties."""

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

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
