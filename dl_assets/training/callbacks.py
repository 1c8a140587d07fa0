"""What happens beside the learning: how each epoch went, and what is kept of the best one."""

import csv
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback

from dl_assets import progress
from dl_assets.training.learner import Learner

HISTORY = "history.csv"

OnEpoch = Callable[[dict[str, float]], None]


class History(Callback):
    """Appends one row an epoch to history.csv while training goes, and reports it as progress."""

    def __init__(self, folder: Path, num_samples: int, on_epoch: OnEpoch | None = None) -> None:
        self._path, self._num_samples, self._on_epoch = folder / HISTORY, num_samples, on_epoch
        self._started = 0.0
        self.rows: list[dict[str, float]] = []

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._started = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Learner) and trainer.max_epochs is not None
        seconds = time.monotonic() - self._started
        row = {
            "epoch": trainer.current_epoch + 1,
            **{name: float(value) for name, value in trainer.callback_metrics.items()},
            "learning_rate": pl_module.learning_rate(),
            "seconds": round(seconds, 3),
        }
        self._append(row)
        measured = {name: value for name, value in row.items() if name.startswith(("train_", "val_"))}
        progress.report(
            done=row["epoch"],
            total=trainer.max_epochs,
            **measured,
            samples_per_second=round(self._num_samples / max(seconds, 1e-9), 1),
        )
        if self._on_epoch:
            self._on_epoch(row)

    def best(self) -> dict[str, float]:
        """Return the epoch of the lowest val loss; of equal ones the first, as ModelCheckpoint does."""
        return min(self.rows, key=lambda row: row["val_loss"])

    def _append(self, row: dict[str, float]) -> None:
        with self._path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(_ordered(row)))
            if not self.rows:
                writer.writeheader()
            writer.writerow(row)
        self.rows.append(row)


def keep_weights_only(path: Path, hyper_parameters: dict[str, Any]) -> None:
    """Rewrite Lightning's checkpoint as what a prediction needs: the network's weights and plain hyperparameters."""
    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    weights = {name.removeprefix("network."): value for name, value in checkpoint["state_dict"].items()}
    torch.save({"state_dict": weights, "hyper_parameters": hyper_parameters}, path)


def _ordered(row: dict[str, float]) -> list[str]:
    first = ["epoch", "train_loss", "val_loss"]
    last = ["learning_rate", "seconds"]
    return [*first, *sorted(set(row) - {*first, *last}), *last]
