"""Pictures as clean and split left them, in memory or in a folder, with a small network that has learnt them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from torch import nn

from dl_assets.artifacts.shards import ArrayWriter
from dl_assets.config import Pipeline
from dl_assets.evaluation.panel import Panel
from dl_assets.explanations.image import explain
from dl_assets.inference.network import Network, build_network
from dl_assets.registry import module

TASKS = {"classes": "image_classification", "labels": "image_multilabel"}
QUICK = {"name": "cnn", "width": 8, "depth": 2, "convolutions": 1}


@dataclass
class Pictures:
    """N pictures in `clean`, their table with its parts, and a network."""

    clean: Path
    samples: pl.DataFrame
    pixels: np.ndarray
    config: Pipeline
    fitted: dict[str, Any]
    network: Network

    @property
    def predictions(self) -> pl.DataFrame:
        asked = self.samples.filter(pl.col("part") != "train")
        with torch.inference_mode():
            answers = self.network.probabilities(torch.from_numpy(self.pixels[asked["row"].to_numpy()])).numpy()
        told = module("targets", self.config.task.targets).predictions(answers, self.fitted["targets"])
        return pl.concat([asked.select("id", "part", "target"), told], how="horizontal")

    def explain(self, predictions: pl.DataFrame | None = None, **options: Any) -> list[Panel]:
        document = {**self.config.document, "evaluate": {**self.config.document["evaluate"], **options}}
        return explain(
            Pipeline(self.config.path, document),
            network=self.network,
            samples=self.samples,
            clean=self.clean,
            predictions=self.predictions if predictions is None else predictions,
            fitted=self.fitted,
            seed=17,
        )


def make_pictures(
    folder: Path, pixels: np.ndarray, targets: list[str], kind: str = "classes", *, steps: int = 40, **inputs: Any
) -> Pictures:
    """Store pictures uint8 [N, H, W, C], a fifth of them as val and two as test, and learn the others."""
    document = {"task": TASKS[kind], "model": QUICK, "evaluate": {"bootstrap_samples": 100}}
    config = Pipeline(Path("pipelines/case.yaml"), document)
    with ArrayWriter(folder) as writer:
        shards, rows = zip(*(writer.write(array) for array in pixels), strict=True)
    parts = np.array(["train", "test", "train", "val", "test"])[np.arange(len(pixels)) % 5]
    origins = [f"{number:04d}.png" for number in range(len(pixels))]
    ids = [f"{number:04d}" for number in range(len(pixels))]
    samples = pl.DataFrame(
        {"id": ids, "target": targets, "part": parts, "origin": origins, "shard": shards, "row": rows},
    )
    kinds = module("targets", kind)
    fitted = {"inputs": module("inputs", "image").fit(pixels) | inputs, "targets": kinds.fit(samples["target"])}
    torch.manual_seed(0)
    network = build_network(config.task, config.model, fitted)
    _learn(network, pixels[parts == "train"], kinds.encode(samples.filter(part="train")["target"], fitted["targets"]), steps)
    return Pictures(folder, samples, pixels, config, fitted, network.eval())


def _learn(network: Network, pixels: np.ndarray, truth: np.ndarray, steps: int) -> None:
    loss = nn.CrossEntropyLoss() if truth.ndim == 1 else nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(network.parameters(), 0.02)
    for _ in range(steps):
        optimizer.zero_grad()
        loss(network(torch.from_numpy(pixels)), torch.from_numpy(truth)).backward()
        optimizer.step()


def with_patches(rng: np.random.Generator, has_patch: np.ndarray, side: int = 12, channels: int = 1) -> np.ndarray:
    """Dark noise, and where there is to be one, a bright patch of 3 x 3 px in the upper left corner."""
    pixels = rng.integers(0, 90, (len(has_patch), side, side, channels), dtype=np.uint8)
    pixels[has_patch, 1:4, 1:4] = rng.integers(180, 256, (int(has_patch.sum()), 3, 3, channels))
    return pixels
