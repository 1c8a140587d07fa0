"""How each epoch went: a row of history.csv, a line of progress, a learning curve that grows, a point in TensorBoard."""

import csv
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from dl_assets import progress
from dl_assets.training.batches import ShuffledIndices
from dl_assets.training.curve import learning_curve
from dl_assets.training.learner import Learner

HISTORY, CURVE = "history.csv", "learning_curve.png"
_SECONDS_BETWEEN_TICKS = 1.0
_SECONDS_BETWEEN_CURVES = 10.0  # drawing one takes a quarter of a second

Row = dict[str, float]


class History(Callback):
    """Appends one row an epoch to history.csv while training goes, reports it as progress, and tells `on_epoch` of it.

    What `on_epoch` raises ends the training.
    """

    def __init__(self, folder: Path, indices: ShuffledIndices, on_epoch: Callable[[Row], None] | None = None) -> None:
        self.rows: list[Row] = []
        self._folder, self._indices, self._on_epoch = folder, indices, on_epoch
        self._started = self._drawn = self._ticked = self._begun = time.monotonic()
        self._done_before = 0

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.rows = state_dict["rows"]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        (self._folder / HISTORY).unlink(missing_ok=True)  # of a killed run it may hold an epoch that is done again
        for row in self.rows:
            self._append(row)

        self._begun, self._done_before = time.monotonic(), len(self.rows)

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._started = time.monotonic()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if time.monotonic() - self._ticked >= _SECONDS_BETWEEN_TICKS and trainer.is_global_zero:
            self._tick(trainer, (batch_idx + 1) / int(trainer.num_training_batches))

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        assert isinstance(pl_module, Learner) and trainer.max_epochs is not None
        seconds = time.monotonic() - self._started
        row = {
            "epoch": trainer.current_epoch + 1,
            "train_loss": pl_module.train_loss(),
            **{name: float(value) for name, value in trainer.callback_metrics.items()},
            "learning_rate": pl_module.rate(),
            "seconds": round(seconds, 3),
        }
        self.rows.append(row)
        if trainer.is_global_zero:
            self._tell(trainer, row, seconds)
        if self._on_epoch:
            self._on_epoch(dict(row))

    def _tell(self, trainer: pl.Trainer, row: Row, seconds: float) -> None:
        assert trainer.max_epochs is not None
        self._append(row)
        for logger in trainer.loggers:
            logger.log_metrics({name: value for name, value in row.items() if name != "epoch"}, int(row["epoch"]))
        progress.report(
            done=row["epoch"],
            total=trainer.max_epochs,
            **{name: value for name, value in row.items() if name.startswith(("train_", "val_"))},
            samples_per_second=round(self._indices.num_samples / max(seconds, 1e-9), 1),
        )
        if time.monotonic() - self._drawn > _SECONDS_BETWEEN_CURVES:
            self._draw()

    def _draw(self) -> None:
        path, temporary = self._folder / CURVE, self._folder / f".{CURVE}"
        learning_curve(self.rows, int(best_of(self.rows)["epoch"])).savefig(temporary, format="png")
        temporary.replace(path)
        progress.emit("picture", name=path.stem, path=str(path))
        self._drawn = time.monotonic()

    def _tick(self, trainer: pl.Trainer, share: float) -> None:
        """Move the bar of a terminal; `share` of the epoch is done."""
        assert trainer.max_epochs is not None
        self._ticked = now = time.monotonic()
        done = trainer.current_epoch + share
        left = (now - self._begun) / (done - self._done_before) * (trainer.max_epochs - done)
        progress.emit(
            "tick",
            done=round(done, 2),
            total=trainer.max_epochs,
            samples_per_second=round(share * self._indices.num_samples / max(now - self._started, 1e-9), 1),
            time_left=str(timedelta(seconds=round(left))),
        )

    def _append(self, row: Row) -> None:
        path = self._folder / HISTORY
        with path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(_ordered(row)))
            if file.tell() == 0:
                writer.writeheader()
            writer.writerow(row)


def rows_of(checkpoint: dict[str, Any]) -> list[Row]:
    """Return the rows that a checkpoint of Lightning's holds."""
    rows: list[Row] = checkpoint["callbacks"][History.__qualname__]["rows"]
    return rows


def best_of(rows: list[Row]) -> Row:
    """Return the epoch of the lowest val loss; of equal ones the first, as ModelCheckpoint does."""
    return min(rows, key=lambda row: row["val_loss"])


def is_over(rows: list[Row], epochs: int, early_stopping: int) -> bool:
    """Tell whether a training that was killed after these epochs had nothing left to learn."""
    waited = len(rows) - best_of(rows)["epoch"]
    return len(rows) >= epochs or 0 < early_stopping <= waited


def _ordered(row: Row) -> list[str]:
    first = ["epoch", "train_loss", "val_loss"]
    last = ["learning_rate", "seconds"]
    return [*first, *sorted(set(row) - {*first, *last}), *last]
