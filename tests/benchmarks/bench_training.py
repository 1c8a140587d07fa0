"""What Lightning costs over a loop written by hand, and whether loading keeps up with the network."""

import itertools
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from benchmarks.side_by_side import cpu_of
from numpy.typing import NDArray

from dl_assets import registry
from dl_assets.artifacts.report import write_json
from dl_assets.artifacts.shards import ArrayWriter
from dl_assets.config import Pipeline
from dl_assets.inference.network import build_network
from dl_assets.schedulers._steps import Steps
from dl_assets.training.batches import OrderedIndices, loader
from dl_assets.training.data import Data, open_data
from dl_assets.training.history import History
from dl_assets.training.learner import Learner, make_optimizer
from dl_assets.training.objective import Objective, make_objective
from dl_assets.training.plan import Plan
from dl_assets.training.recovery import Checkpoints
from dl_assets.training.trainer import make_trainer, quiet_lightning
from dl_assets.transforms.image import compose

ROUNDS = 15
TARGETS: ModuleType = registry.module("targets", "classes")


class Setting:
    """Noise of one size in two classes, stored as clean does it, and a pipeline that learns from it."""

    def __init__(self, folder: Path, size: int, num_samples: int, epochs: int, augment: list[dict[str, Any]]) -> None:
        pixels = np.random.default_rng(0).integers(0, 256, (num_samples, size, size, 3), dtype=np.uint8)
        clean, augmented = folder / "clean", folder / "augmented"
        clean.mkdir(), augmented.mkdir()
        with ArrayWriter(clean) as writer:
            places = [writer.write(picture) for picture in pixels]
        samples = pl.DataFrame(
            {
                "id": [str(index) for index in range(num_samples)],
                "target": ["cat", "dog"] * (num_samples // 2),
                "digest": [str(index) for index in range(num_samples)],
                "shard": [shard for shard, _ in places],
                "row": [row for _, row in places],
                "part": ["val" if index % 8 == 7 else "train" for index in range(num_samples)],
            }
        )
        self.config = Pipeline(
            Path("pipelines/bench.yaml"),
            {
                "task": "image_classification",
                "clean": {"image_size": size},
                "augment": augment,
                "model": {"name": "cnn", "depth": 2 if size < 32 else 3},
                "train": {"epochs": epochs, "batch_size": 64, "accelerator": "cpu", "early_stopping": 0, "workers": 0},
            },
        )
        policy = compose(self.config.augment.transforms, (size, size, 3)).serialise()
        mixing = {"mixup": 0.0, "cutmix": 0.0, "mix_share": 0.0, "copies": 0, "test_time": None}
        write_json(augmented / "policy.json", {"policy": policy, **mixing})
        self.data = open_data(self.config, samples, clean, augmented)

    def network(self) -> Any:
        torch.manual_seed(0)
        return build_network(self.config.task, self.config.model, self.data.fitted)

    def objective(self) -> Objective:
        train = self.data.parts["train"]["target"]
        return make_objective(TARGETS, self.config.train, train, self.data.fitted["targets"])


def loaders(setting: Any) -> tuple[Any, Any]:
    """Load as `training/fit.py` does, in this process."""
    data: Data = setting.data
    val = OrderedIndices(data.val.num_samples, 4 * setting.config.train.batch_size)
    return loader(data.train, data.indices, 0, 17), loader(data.val, val, 0, 17)


def by_lightning(setting: Setting) -> None:
    """Train as the train stage does: history, checkpoints, TensorBoard, early stopping."""
    options = setting.config.train
    plan = Plan(options.epochs or 1, 0, 1e-3, 32, False)
    with TemporaryDirectory() as folder, quiet_lightning():
        kept = Checkpoints(Path(folder, "checkpoints"), {})
        callbacks = [History(kept.folder, setting.data.indices), *kept.callbacks(False)]
        trainer = make_trainer(options, plan, callbacks, Path(folder, "logs"))
        learner = Learner(setting.network(), setting.objective(), options, setting.data.mixing, learning_rate=1e-3)
        trainer.fit(learner, *loaders(setting))


def by_hand(setting: Setting) -> None:
    """Do the same work without Lightning: the same batches, network, optimizer, schedule and losses, written to a file."""
    options, network, objective = setting.config.train, setting.network(), setting.objective()
    train, val = loaders(setting)
    total = (options.epochs or 1) * len(train)
    optimizer, [schedule] = make_optimizer(network, options, 1e-3, Steps(total, len(train), len(train)), lambda name: 1.0)
    with TemporaryDirectory() as folder:
        for epoch in range(options.epochs or 1):
            train.sampler.set_epoch(epoch)
            network.train()
            sum_of_losses = 0.0
            for raw, encoded in train:
                shown = network.preprocess(raw).contiguous()
                loss = objective.loss(network.body(shown), encoded)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                sum_of_losses += loss.item() * len(raw)
            network.eval()
            with torch.inference_mode():
                found = [objective.judge(network(raw), encoded) for raw, encoded in val]
            with Path(folder, "history.csv").open("a") as file:
                file.write(f"{epoch},{sum_of_losses},{[float(value['loss']) for value in found]}\n")
            torch.save(network.state_dict(), Path(folder, "best.pt"))


def ratios(ways: tuple[Callable[[], None], Callable[[], None]]) -> NDArray[np.float64]:
    """Return seconds of CPU of the first way / those of the second, for 15 interleaved rounds in changing order."""
    for way in ways:
        way()
    found = []
    for number in range(ROUNDS):
        seconds = {}
        for index in (0, 1) if number % 2 else (1, 0):
            seconds[index] = cpu_of(ways[index])
        found.append(seconds[0] / seconds[1])
    return np.array(found)


def show(title: str, found: NDArray[np.float64]) -> float:
    low, middle, high = np.quantile(found, [0.25, 0.5, 0.75])
    print(f"\n{title}: {middle:.3f} (quartiles {low:.3f} to {high:.3f}, {len(found)} interleaved rounds)")
    return float(middle)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("size", "num_samples", "epochs", "aim"), [(8, 1792, 20, 1.10), (32, 1024, 2, 1.03)])
def test_lightning_costs_little_over_a_loop_by_hand(
    tmp_path: Path, size: int, num_samples: int, epochs: int, aim: float
) -> None:
    """At 8 px as many epochs as `dl new` writes for digits, so that what is done once counts for as little as it does there."""
    setting = Setting(tmp_path, size, num_samples, epochs, [])
    middle = show(f"Lightning / by hand, {size} px", ratios((lambda: by_lightning(setting), lambda: by_hand(setting))))
    assert middle <= aim


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("size", "aim"), [(8, None), (32, 1.05)])
def test_loading_does_not_starve_the_network(tmp_path: Path, size: int, aim: float | None) -> None:
    augment = [{"RandomCrop": {"height": size * 7 // 8, "width": size * 7 // 8}}, {"HorizontalFlip": {"p": 0.5}}]
    setting = Setting(tmp_path, size, 1024, 1, augment)
    train, _ = loaders(setting)
    [cached, *_] = train

    network, objective = setting.network(), setting.objective()
    optimizer, _ = make_optimizer(network, setting.config.train, 1e-6, Steps(1, 1, 0), lambda name: 1.0)

    def steps(batches: Any) -> None:
        for raw, encoded in batches:
            loss = objective.loss(network.body(network.preprocess(raw).contiguous()), encoded)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    num_steps = len(train)
    found = ratios((lambda: steps(train), lambda: steps(itertools.repeat(cached, num_steps))))
    middle = show(f"step with loaded batches / with one cached batch, {size} px, light augmentation", found)
    assert aim is None or middle <= aim
