"""Averages of the weights, held against averages that are worked out here."""

from collections.abc import Callable
from pathlib import Path

import pytest
import pytorch_lightning as lightning
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from dl_assets.training.averaging import LateMean, MovingAverage

STEPS = 4  # of an epoch


class Walk(lightning.LightningModule):
    """One weight, which moves by the same step each time, and a buffer that counts the steps."""

    counter: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.register_buffer("counter", torch.zeros((), dtype=torch.int64))
        self.walked: list[float] = []
        self.judged: list[float] = []

    def training_step(self, batch: Tensor, batch_index: int) -> Tensor:
        self.counter += 1
        return -self.weight

    def on_train_batch_end(self, outputs: object, batch: Tensor, batch_index: int) -> None:
        self.walked.append(self.weight.item())

    def validation_step(self, batch: Tensor, batch_index: int) -> None:
        self.judged.append(self.weight.item())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=1.0)


@pytest.fixture
def walk(tmp_path: Path) -> Callable[..., Walk]:
    def run(callback: lightning.Callback, epochs: int) -> Walk:
        module = Walk()
        trainer = lightning.Trainer(
            accelerator="cpu",
            max_epochs=epochs,
            callbacks=[callback],
            default_root_dir=tmp_path,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        trainer.fit(module, DataLoader(torch.zeros(STEPS, 1)), DataLoader(torch.zeros(1, 1)))
        return module

    return run


def test_val_judges_the_moving_average_and_training_goes_on_from_the_weights(walk):
    module = walk(MovingAverage(0.5), epochs=3)
    assert module.walked == [float(step) for step in range(1, 3 * STEPS + 1)]
    average, expected = 0.0, []
    for step, weight in enumerate(module.walked):
        remembered = 0.0 if step == 0 else min(0.5, (1 + step) / (10 + step))
        average = remembered * average + (1 - remembered) * weight
        expected.append(average)
    assert module.judged == pytest.approx(expected[STEPS - 1 :: STEPS])
    assert module.weight.item() == pytest.approx(expected[-1])


def test_the_late_mean_is_that_of_the_ends_of_the_last_quarter_of_the_epochs(walk):
    module = walk(LateMean(), epochs=8)
    ends = [float(STEPS * epoch) for epoch in range(1, 9)]
    means = [sum(ends[6 : epoch + 1]) / (epoch - 5) for epoch in (6, 7)]
    assert module.judged == pytest.approx([*ends[:6], *means])
    assert module.weight.item() == pytest.approx(means[-1])


@pytest.mark.parametrize("callback", [MovingAverage(0.9), LateMean()], ids=["ema", "swa"])
def test_counters_are_not_averaged(walk, callback):
    assert walk(callback, epochs=2).counter.item() == 2 * STEPS
