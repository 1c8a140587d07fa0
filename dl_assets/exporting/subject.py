"""What an export is about: the trained model, and the test samples on which its copies are compared with it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from dl_assets import registry
from dl_assets.artifacts.report import read_json
from dl_assets.artifacts.shards import Arrays, open_arrays
from dl_assets.artifacts.tables import read_parted
from dl_assets.config import Pipeline
from dl_assets.errors import DataError
from dl_assets.exporting.graph import Answering
from dl_assets.exporting.parity import Answers, Feed, feeder
from dl_assets.inference.network import CARD, PREPROCESSING, load_network
from dl_assets.inference.predict import predict

RAW = "raw"  # beside clean/; dvc.yaml knows it as ${item.originals}
# Compared are all test samples, but of large ones not more than the values of 2,000 pictures of 64 x 64 px.
MAX_VALUES, LEAST_SAMPLES = 2_000 * 64 * 64 * 3, 2_000
MAX_REFERENCE = 2_000


@dataclass(frozen=True)
class Subject:
    """`fitted` is what preprocessing.json holds, and of the targets also how the answers were calibrated."""

    config: Pipeline
    clean: Path
    answering: Answering
    fitted: dict[str, Any]
    calibration: dict[str, Any]
    metrics: dict[str, Any]
    card: dict[str, Any]
    test: pl.DataFrame
    train: pl.DataFrame
    reference: pl.DataFrame  # of the test part and of val, from which the network has not learnt either

    @property
    def inputs(self) -> ModuleType:
        return registry.module("inputs", self.config.task.inputs)

    @property
    def is_table(self) -> bool:
        """Whether the model is given the columns of a table, each as an input of its own."""
        return hasattr(self.inputs, "feed")

    @property
    def targets(self) -> ModuleType:
        return registry.module("targets", self.config.task.targets)

    @cached_property
    def arrays(self) -> Arrays:
        return open_arrays(self.clean, self.test)

    @cached_property
    def feed(self) -> Feed:
        return self.feed_of(self.test)

    def feed_of(self, samples: pl.DataFrame) -> Feed:
        return feeder(self.config, self.clean, samples, self.fitted)

    @cached_property
    def expected(self) -> Answers:
        """The answers of the trained model, calibrated, [N, outputs]."""
        answers = predict(self.answering.network, self.arrays)
        return answers if self.answering.calibration is None else self._calibrated(answers)

    @torch.inference_mode()
    def _calibrated(self, answers: Answers) -> Answers:
        assert self.answering.calibration is not None
        found: Answers = self.answering.calibration(torch.from_numpy(answers)).numpy()
        return found

    @torch.inference_mode()
    def ask_torch(self, raw: NDArray[Any]) -> Answers:
        """Return the trained model's answers for stored samples, [B, outputs]."""
        found: Answers = self.answering(torch.from_numpy(raw)).numpy()
        return found

    def eager(self, batch_size: int) -> Callable[[], object]:
        """Return what lets the trained model answer for a batch once, for measuring how long it takes."""
        raw = self.arrays.batch(np.arange(batch_size) % len(self.test))
        return lambda: self.ask_torch(raw)


def read_subject(config: Pipeline, *, clean: Path, parts: Path, model: Path, evaluation: Path) -> Subject:
    """Read what is to be exported. Raises DataError where there is no test sample to compare on."""
    targets = registry.module("targets", config.task.targets)
    preprocessing, calibration = read_json(model / PREPROCESSING), read_json(evaluation / "calibration.json")
    fitted = {**preprocessing, "targets": {**preprocessing["targets"], **calibration}}
    samples = read_parted(clean, parts)
    return Subject(
        config=config,
        clean=clean,
        answering=Answering(load_network(model), targets.calibration(fitted["targets"])).eval(),
        fitted=fitted,
        calibration=calibration,
        metrics=read_json(evaluation / "metrics.json"),
        card=read_json(model / CARD),
        test=_compared(samples.filter(part="test"), clean),
        train=samples.filter(part="train"),
        reference=_drawn(samples.filter(pl.col("part") != "train")),
    )


def _compared(test: pl.DataFrame, clean: Path) -> pl.DataFrame:
    """Return the test samples; of too many every n-th."""
    if test.is_empty():
        raise DataError(
            "the test part holds no sample to compare the exported model on. "
            "Add samples to the source, or give split.test a larger share."
        )
    most = max(LEAST_SAMPLES, MAX_VALUES // math.prod(open_arrays(clean, test).shape))
    return test.gather_every(-(-len(test) // most))


def _drawn(samples: pl.DataFrame) -> pl.DataFrame:
    """Return at most so many, the same ones each time, in their order."""
    if len(samples) <= MAX_REFERENCE:
        return samples
    return samples[np.sort(np.random.default_rng(0).choice(len(samples), MAX_REFERENCE, replace=False))]
