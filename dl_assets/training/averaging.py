"""Averages of the weights, which are judged on val and kept in place of the last weights."""

from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import WeightAveraging

_SWA_START = 0.75  # share of the epochs after which the mean begins (Izmailov et al., 2018)
_WARMUP = 10


class MovingAverage(WeightAveraging):
    """Exponential moving average of weights and batch-norm statistics after every step.

    It remembers only (1 + n) / (10 + n) while there are few steps n, so that the beginning does not stay in it, as
    TensorFlow's ExponentialMovingAverage does.
    """

    def __init__(self, decay: float) -> None:
        super().__init__(multi_avg_fn=self._average)
        self._decay = decay

    def _average(self, averaged: Any, current: Any, _: Any) -> None:
        num_steps = self._latest_update_step  # what torch counts lies on the device, which would have to be waited for
        _move(averaged, current, 1 - min(self._decay, (1 + num_steps) / (_WARMUP + num_steps)))


class LateMean(WeightAveraging):
    """Stochastic weight averaging: the mean of the weights at the end of each epoch of the last quarter.

    Izmailov, Podoprikhin, Garipov, Vetrov and Wilson, Averaging Weights Leads to Wider Optima, UAI 2018; batch-norm
    statistics are averaged with the weights in place of a further pass over the train part.
    """

    def __init__(self) -> None:
        super().__init__(multi_avg_fn=self._average)
        self._first = 0

    def should_update(self, step_idx: int | None = None, epoch_idx: int | None = None) -> bool:
        return False  # Lightning would ask after val was judged

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert self._average_model is not None and trainer.max_epochs is not None
        self._first = int(_SWA_START * trainer.max_epochs)
        self._average_model.update_parameters(pl_module)
        super().on_validation_epoch_start(trainer, pl_module)

    def _average(self, averaged: Any, current: Any, num_averaged: torch.Tensor) -> None:
        _move(averaged, current, 1 / max(1, int(num_averaged) - self._first + 1))


def _move(averaged: Any, current: Any, share: float) -> None:
    """Bring `averaged` nearer to `current` by that share of the way."""
    if torch.is_floating_point(averaged[0]):
        torch._foreach_lerp_(averaged, current, share)
    else:  # counters of batches
        torch._foreach_copy_(averaged, current)
