"""How the network learns: loss, optimizer and learning rate, as Lightning wants to be told."""

import math
from types import ModuleType
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from dl_assets.config import Train
from dl_assets.errors import PipelineError
from dl_assets.inference.network import Network
from dl_assets.training.batches import Batch
from dl_assets.training.mixing import Mixing


class Learner(pl.LightningModule):
    """Trains `network` on batches of raw samples and encoded targets; `targets` says what the loss is.

    The train loss is of the mixed targets where samples are mixed, so it may stay above the val loss.
    """

    def __init__(self, network: Network, targets: ModuleType, options: Train, mixing: Mixing) -> None:
        super().__init__()
        self.network, self._targets, self._options, self._mixing = network, targets, options, mixing

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        raw, encoded = batch
        mixed = self._mixing(self.network.preprocess(raw), epoch=self.current_epoch, batch_index=batch_index)
        outputs = self.network.body(mixed.shown)
        smoothing = self._options.label_smoothing
        loss = mixed.loss(lambda targets: self._targets.loss(outputs, targets, label_smoothing=smoothing), encoded)
        self._require_finite(loss, "train")
        self.log("train_loss", loss, on_step=False, on_epoch=True, batch_size=len(raw))
        return loss

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        raw, encoded = batch
        outputs = self.network(raw)
        # Without label smoothing, so that val losses of differently trained models can be compared.
        loss = self._targets.loss(outputs, encoded, label_smoothing=0.0)
        self._require_finite(loss, "val")
        scores = {f"val_{name}": value for name, value in self._targets.score(outputs, encoded).items()}
        self.log_dict({"val_loss": loss, **scores}, batch_size=len(raw))

    def configure_optimizers(self) -> Any:
        steps = int(self.trainer.estimated_stepping_batches)
        warmup_steps = min(round(self._options.warmup_epochs * steps / self._options.epochs), steps - 1)
        groups = parameter_groups(self.network, self._options.weight_decay)
        optimizer = torch.optim.AdamW(groups, lr=self._options.learning_rate)
        schedule = LambdaLR(optimizer, lambda step: warmup_then_cosine(step, warmup_steps, steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def learning_rate(self) -> float:
        """Return the rate of the next step."""
        return float(self.trainer.optimizers[0].param_groups[0]["lr"])

    def _require_finite(self, loss: Tensor, part: str) -> None:
        if not torch.isfinite(loss):
            raise PipelineError(
                f"the {part} loss became {loss.item():g} in epoch {self.current_epoch + 1}, step {self.global_step + 1}, at a "
                f"learning rate of {self.learning_rate():.3g}. Set a lower train.learning_rate "
                f"(for example {self._options.learning_rate / 10:.1g}) or a longer train.warmup_epochs."
            )


def parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Split the parameters: weights shrink, biases and the scales of norms (one dimension) do not."""
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    return [
        {"params": [parameter for parameter in parameters if parameter.ndim > 1], "weight_decay": weight_decay},
        {"params": [parameter for parameter in parameters if parameter.ndim <= 1], "weight_decay": 0.0},
    ]


def warmup_then_cosine(step: int, warmup_steps: int, steps: int) -> float:
    """Return the share of the learning rate at `step`: up in a line, then down in half a cosine.

    >>> [round(warmup_then_cosine(step, 2, 6), 2) for step in range(7)]
    [0.33, 0.67, 1.0, 0.85, 0.5, 0.15, 0.0]
    """
    if step < warmup_steps:
        return (step + 1) / (warmup_steps + 1)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup_steps) / (steps - warmup_steps))))
