"""The answers of a network for val and test, as what ships would give them: calibrated, and complete."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import nn

from dl_assets import registry
from dl_assets.artifacts.shards import open_arrays
from dl_assets.config import Pipeline
from dl_assets.errors import DataError
from dl_assets.evaluation.calibration import Calibration
from dl_assets.inference.network import Network
from dl_assets.inference.predict import predict


@dataclass(frozen=True)
class Answered:
    """`predictions` of val and test, and `fitted`: what is known of targets, what was calibrated on val among it."""

    predictions: pl.DataFrame
    fitted: dict[str, Any]
    calibration: Calibration


def answer(config: Pipeline, network: Network, samples: pl.DataFrame, *, clean: Path, fitted: dict[str, Any]) -> Answered:
    """Ask the network about samples of val and test, and calibrate on val; from then on the network answers calibrated.

    `fitted` is what training knows of targets.
    """
    targets, evaluation = (registry.module(folder, config.task.targets) for folder in ("targets", "evaluation"))
    outputs = predict(network, open_arrays(clean, samples))  # [N, outputs]
    _require_finite(outputs, samples)
    known = samples.select("id", "part", "target")
    calibration: Calibration = evaluation.calibrate(config, known.hstack(targets.predictions(outputs, fitted)), fitted)
    fitted = fitted | calibration.fitted
    last: nn.Module | None = targets.calibration(fitted)
    if last is not None:
        network.calibration = last
        outputs = last(torch.from_numpy(outputs)).numpy()
    predictions = evaluation.complete(known.hstack(targets.predictions(outputs, fitted)), fitted)
    return Answered(predictions, fitted, calibration)


def _require_finite(outputs: NDArray[np.float32], samples: pl.DataFrame) -> None:
    is_broken = ~np.isfinite(outputs).all(axis=1)
    if is_broken.any():
        raise DataError(
            f"the model's answers to {is_broken.sum():,} of {len(samples):,} samples of val and test are no finite numbers, "
            f"such as to {samples['id'][int(is_broken.argmax())]}. Train again with a lower train.learning_rate, with "
            "`train: {clip_gradients: 1}` or with `precision: 32`."
        )
