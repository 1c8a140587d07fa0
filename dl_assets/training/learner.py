"""How the network learns: one step, the optimizer and the learning rate, as Lightning wants to be told."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from dl_assets import registry
from dl_assets.config import Train
from dl_assets.inference.network import Network
from dl_assets.schedulers._steps import Steps
from dl_assets.training.batches import Batch
from dl_assets.training.failures import not_finite
from dl_assets.training.mixing import Mixing
from dl_assets.training.objective import Objective

_STEPS_BETWEEN_LOOKS = 25  # at the loss on a GPU, which has to wait for it


@dataclass(slots=True)
class Seen:
    """What an epoch has seen so far: the sum of the losses of its samples, on a GPU as a tensor there, and their number.

    Apart from the module, which looks at every tensor that it is given.
    """

    sum: float | Tensor = 0.0
    count: int = 0


class Learner(pl.LightningModule):
    """Trains `network` on batches of raw samples and encoded targets.

    The train loss is of the mixed targets where samples are mixed, so it may stay above the val loss. `scale` gives each
    parameter its factor of the learning rate, and `pace` tells how far the schedule of the rate has come after so many
    steps, where that is not as far.
    """

    def __init__(
        self,
        network: Network,
        objective: Objective,
        options: Train,
        mixing: Mixing,
        *,
        learning_rate: float,
        order: torch.memory_format = torch.contiguous_format,
        scale: Callable[[str], float] | None = None,
        pace: Callable[[int], int] | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.learning_rate = learning_rate
        self.objective, self._options, self._mixing = objective, options, mixing
        self._order, self._scale = order, scale or (lambda name: 1.0)
        self._pace = pace
        network.body.to(memory_format=order)  # type: ignore[call-overload]
        self._decayed = [parameter for parameter in network.body.parameters() if parameter.ndim > 1]
        self._seen = Seen()

    def __setattr__(self, name: str, value: Any) -> None:
        # Lightning notes the name of the hook, 48 times in a step, and torch would look each time whether that is a tensor.
        if name == "_current_fx_name":
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def on_train_epoch_start(self) -> None:
        self._seen = Seen()

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        raw, encoded = batch
        mixed = self._mixing(self.network.preprocess(raw), epoch=self.current_epoch, batch_index=batch_index)
        outputs = self.network.body(mixed.shown.contiguous(memory_format=self._order))
        loss = mixed.loss(lambda targets: self.objective.loss(outputs, targets), encoded)
        # Summed here: Lightning's own log of every step takes longer than a small step.
        seen, count = self._seen, len(raw)
        seen.sum += (loss.item() if loss.is_cpu else loss.detach().float()) * count
        seen.count += count
        if loss.is_cpu or batch_index % _STEPS_BETWEEN_LOOKS == 0:
            self._require_finite(seen.sum, "train")
        if self._options.l1:
            loss = loss + self._options.l1 * torch.stack([weights.abs().sum() for weights in self._decayed]).sum()
        return loss

    def train_loss(self) -> float:
        """Return the mean loss of the samples of this epoch so far, on all devices, without the penalty on the weights."""
        seen = self._seen
        self._require_finite(seen.sum, "train")
        if self.trainer.world_size == 1:
            return float(seen.sum) / max(1, seen.count)
        total = torch.tensor([float(seen.sum), float(seen.count)], device=self.device)
        torch.distributed.all_reduce(total)
        return float(total[0] / total[1])

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        raw, encoded = batch
        found = self.objective.judge(self.network.body(self._shown(raw)), encoded)
        # Not to TensorBoard: History draws a point an epoch, and this would be another at the number of the step.
        self.log_dict({f"val_{name}": value for name, value in found.items()}, batch_size=len(raw), logger=False)
        self._require_finite(found["loss"], "val")

    def configure_optimizers(self) -> Any:
        total = int(self.trainer.estimated_stepping_batches)
        per_epoch = total / (self.trainer.max_epochs or 1)
        warmup = min(round(self._options.warmup_epochs * per_epoch), total - 1)
        optimizer, schedules = make_optimizer(
            self.network, self._options, self.learning_rate, Steps(total, per_epoch, warmup), self._scale
        )
        return [optimizer], [_as_lightning_has_it(schedule) for schedule in schedules]

    def lr_scheduler_step(self, scheduler: Any, metric: Any | None) -> None:
        if metric is not None or self._pace is None:
            super().lr_scheduler_step(scheduler, metric)
            return
        while scheduler.last_epoch < self._pace(self.global_step):
            scheduler.step()

    def rate(self) -> float:
        """Return the learning rate of the next step: the largest of all groups."""
        return max(float(group["lr"]) for group in self.trainer.optimizers[0].param_groups)

    def _shown(self, raw: Tensor) -> Tensor:
        shown: Tensor = self.network.preprocess(raw)
        return shown.contiguous(memory_format=self._order)

    def _require_finite(self, loss: float | Tensor, part: str) -> None:
        if not math.isfinite(loss):
            raise not_finite(part, float(loss), self.current_epoch + 1, self.global_step + 1, self.rate())


def make_optimizer(
    network: nn.Module, options: Train, learning_rate: float, steps: Steps, scale: Callable[[str], float]
) -> tuple[torch.optim.Optimizer, list[Any]]:
    """Return the optimizer and the schedules of its rate that `train` asks for."""
    groups = parameter_groups(network, options.weight_decay, learning_rate, scale)
    chosen = options.optimizer.model_dump()
    optimizer = registry.find("optimizers", chosen.pop("name"))(groups, **chosen)
    chosen = options.scheduler.model_dump()
    return optimizer, registry.find("schedulers", chosen.pop("name"))(optimizer, steps, **chosen)


def parameter_groups(
    network: nn.Module, weight_decay: float, learning_rate: float, scale: Callable[[str], float]
) -> list[dict[str, Any]]:
    """Split the parameters: weights shrink, biases and the scales of norms (one dimension) do not; one group for each rate."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        key = (weight_decay if parameter.ndim > 1 else 0.0, learning_rate * scale(name))
        groups.setdefault(key, []).append(parameter)
    return [{"params": held, "weight_decay": decay, "lr": rate} for (decay, rate), held in groups.items()]


def _as_lightning_has_it(schedule: Any) -> dict[str, Any]:
    if isinstance(schedule, ReduceLROnPlateau):
        return {"scheduler": schedule, "interval": "epoch", "monitor": "val_loss"}
    return {"scheduler": schedule, "interval": "step"}
