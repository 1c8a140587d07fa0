"""How far the answers of ONNX Runtime are from those of torch, and for which samples most."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import onnxruntime
import polars as pl
import torch
from numpy.typing import NDArray

from dl_assets import registry
from dl_assets.artifacts.rows import read_values
from dl_assets.artifacts.shards import open_arrays
from dl_assets.config import Pipeline

BATCH_SIZES = (1, 2, 7, 64)
NUM_WORST = 5

Answers = NDArray[np.float32]  # [N, outputs]
Feed = Callable[[NDArray[np.int64]], dict[str, NDArray[Any]]]  # indices of samples -> inputs by name


@dataclass(frozen=True)
class Comparison:
    """How far the exported model's answers are from the trained one's."""

    batch_size: int
    max_difference: float
    agreement: float


def feeder(config: Pipeline, clean: Path, samples: pl.DataFrame, fitted: dict[str, Any]) -> Feed:
    """Return what gives ONNX Runtime the inputs of some samples: their arrays, or what a user has in place of these."""
    inputs = registry.module("inputs", config.task.inputs)
    if not hasattr(inputs, "feed"):
        arrays = open_arrays(clean, samples)
        return lambda batch: {config.task.inputs: arrays.batch(batch)}
    values = read_values(clean, samples)
    return lambda batch: inputs.feed(values[batch], fitted["inputs"])


def open_session(path: Path) -> onnxruntime.InferenceSession:
    """Open a model on the CPU, with as many threads as torch has."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def answers(path: Path, answer: str, feed: Feed, num_samples: int, batch_size: int) -> Answers:
    """Return the answers [N, outputs] that ONNX Runtime computes on the CPU, `batch_size` samples at a time."""
    session = open_session(path)
    batches = (np.arange(start, min(start + batch_size, num_samples)) for start in range(0, num_samples, batch_size))
    found: Answers = np.concatenate([session.run([answer], feed(batch))[0] for batch in batches])
    return found


def compare(path: Path, targets: ModuleType, expected: Answers, feed: Feed, size: int, fitted: dict[str, Any]) -> Comparison:
    """Compare all samples, `size` at a time."""
    found = answers(path, targets.OUTPUT, feed, len(expected), size)
    return Comparison(size, *targets.agreement(expected, found, fitted))


def worst_samples(
    ids: Sequence[str], targets: ModuleType, expected: Answers, found: Answers, fitted: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return the samples whose answers differ most, the worst first: what was expected, what was found, how far apart."""
    rows = range(len(expected))
    apart = [targets.agreement(expected[row : row + 1], found[row : row + 1], fitted) for row in rows]
    order = sorted(rows, key=lambda row: (apart[row][1], -apart[row][0]))[:NUM_WORST]  # those that do not agree come first
    return [
        {
            "id": ids[row],
            "difference": apart[row][0],
            "expected": _told(targets, expected[row : row + 1], fitted),
            "found": _told(targets, found[row : row + 1], fitted),
        }
        for row in order
    ]


def _told(targets: ModuleType, answer: Answers, fitted: dict[str, Any]) -> dict[str, Any]:
    """Return a sample's prediction and the numbers behind it; JSON has none that is not finite."""
    prediction = targets.predictions(answer, fitted)["prediction"][0]
    numbers = [value if np.isfinite(value) else str(value) for value in answer[0].tolist()]
    return {"prediction": prediction if isinstance(prediction, str) else numbers[0], targets.OUTPUT: numbers}
