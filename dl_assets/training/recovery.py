"""What a killed training leaves, so that the next run with the same inputs and parameters goes on from its last epoch."""

import hashlib
import json
import math
import time
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from lightning_fabric.plugins import TorchCheckpointIO
from pytorch_lightning.callbacks import Callback, ModelCheckpoint

from dl_assets import files, registry
from dl_assets.artifacts.report import read_json
from dl_assets.errors import ArtifactError
from dl_assets.inference.network import read_checkpoint
from dl_assets.training.plan import Plan

BEST, LAST = "best", "last"
_PLAN, _KEY = "plan.json", "key.json"
_SECONDS_BETWEEN_EPOCHS_KEPT = 1.0
# Whoever edits one of these wants another training.
_CODE = ("training", "inference", "losses", "optimizers", "schedulers", "models", "inputs", "targets", "transforms")


class Checkpoints:
    """The folder of one training: what was measured before it began, its best and its last epoch.

    It holds for one key only; what another key left is removed.
    """

    def __init__(self, folder: Path, key: dict[str, Any]) -> None:
        self.folder = folder
        named = {**key, "code": hash_of_code(), "torch": str(torch.__version__), "lightning": version("pytorch-lightning")}
        wanted = json.dumps(named, sort_keys=True)
        if not (folder / _KEY).is_file() or (folder / _KEY).read_text(encoding="utf-8") != wanted:
            files.remove(folder)
            folder.mkdir(parents=True)
            files.replace_text(folder / _KEY, wanted)

    @property
    def begun(self) -> str:
        """When the training began, as a name; one that goes on after a kill keeps it."""
        return datetime.fromtimestamp((self.folder / _KEY).stat().st_mtime).strftime("%Y-%m-%d-%H%M%S-%f")

    @property
    def last_path(self) -> Path:
        return self.folder / f"{LAST}.ckpt"

    def last(self) -> Path | None:
        """Return the checkpoint from which to go on, if there is one."""
        if not self.last_path.is_file():
            return None
        try:
            epoch = read_checkpoint(self.last_path)["epoch"]
        except (ArtifactError, KeyError) as error:  # the machine lost its power, or somebody wrote to it
            print(f"the training begins anew, because its last checkpoint cannot be read: {error}", flush=True)
            return None
        print(f"going on after epoch {epoch + 1}, where the last run was ended", flush=True)
        return self.last_path

    def best_weights(self) -> dict[str, torch.Tensor]:
        """Return the weights of the network in the best epoch."""
        weights = read_checkpoint(self.folder / f"{BEST}.ckpt")["state_dict"]
        return {name.removeprefix("network."): value for name, value in weights.items()}

    def plan(self) -> Plan | None:
        """Return what was kept; a training that goes on must not measure anew and find something else."""
        path = self.folder / _PLAN
        return Plan(**read_json(path)) if path.is_file() else None

    def keep_plan(self, plan: Plan) -> Plan:
        files.replace_text(self.folder / _PLAN, json.dumps(plan.as_json()))
        return plan

    def callbacks(self, is_averaged: bool) -> list[Callback]:
        """Return what keeps the best epoch, and then the last one, which knows that the best one is kept."""
        return [
            RandomState(),
            BestEpoch(
                self.folder,
                BEST,
                monitor="val_loss",
                save_weights_only=not is_averaged,  # else Lightning would not ask the callback that has the average
                save_on_train_epoch_end=True,
                enable_version_counter=False,
            ),
            LastEpoch(self.folder, LAST, save_on_train_epoch_end=True, enable_version_counter=False),
        ]


class BestEpoch(ModelCheckpoint):
    """Keeps the best epoch."""

    @property
    def state_key(self) -> str:
        return BEST  # Lightning would write one of all options, six times in every step


class LastEpoch(ModelCheckpoint):
    """Keeps the last epoch; of quick ones, which take less time than writing, one a second."""

    _kept = -math.inf

    @property
    def state_key(self) -> str:
        return LAST

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        is_end = trainer.should_stop or trainer.current_epoch + 1 == trainer.max_epochs
        if is_end or time.monotonic() - self._kept >= _SECONDS_BETWEEN_EPOCHS_KEPT:
            super().on_train_epoch_end(trainer, pl_module)
            self._kept = time.monotonic()


class RandomState(Callback):
    """Goes on with torch's random numbers, of which dropout draws, where the killed training had come to."""

    def __init__(self) -> None:
        self._state: dict[str, Any] | None = None

    def state_dict(self) -> dict[str, Any]:
        devices = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        return {"cpu": torch.get_rng_state(), "cuda": devices}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self._state = state_dict

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._state is None:
            return
        torch.set_rng_state(self._state["cpu"].cpu())
        if self._state["cuda"]:
            torch.cuda.set_rng_state_all([state.cpu() for state in self._state["cuda"]])
        self._state = None


class WholeFiles(TorchCheckpointIO):
    """Writes a checkpoint beside its place and renames it: Lightning's own way copies where /tmp is another disk."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        temporary = Path(path).with_suffix(".tmp")
        torch.save(checkpoint, temporary)
        temporary.replace(path)


def hash_of_code() -> str:
    """Return a hash of all modules on which a training depends."""
    paths = sorted(path for folder in _CODE for path in (registry.PACKAGE / folder).rglob("*.py"))
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()
