"""One training from the stored samples to a model on disk."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars
import pytorch_lightning as pl
import torch

from dl_assets import registry
from dl_assets.artifacts.report import Report, write_json
from dl_assets.config import Pipeline, Train
from dl_assets.inference.network import CARD, CHECKPOINT, PREPROCESSING, Network, build_network, read_checkpoint
from dl_assets.inference.weights import Loaded, load_weights
from dl_assets.training.batches import OrderedIndices, loader
from dl_assets.training.budget import Budget, epochs_of
from dl_assets.training.card import Energy, make_card, model_of, scores_of
from dl_assets.training.curve import learning_curve
from dl_assets.training.data import Data, open_data
from dl_assets.training.failures import told_memory
from dl_assets.training.freezing import Freezing, layer_factors
from dl_assets.training.history import CURVE, HISTORY, History, Row, best_of, is_over, rows_of
from dl_assets.training.learner import Learner
from dl_assets.training.objective import make_objective
from dl_assets.training.plan import Plan, make_plan
from dl_assets.training.recovery import Checkpoints
from dl_assets.training.rehearsal import Way
from dl_assets.training.trainer import keep_freed_memory, make_trainer, quiet_lightning, require_accelerator, run_of

WEIGHTS = "weights.json"


def fit(
    config: Pipeline,
    *,
    samples: polars.DataFrame,
    clean: Path,
    augmented: Path,
    out: Path,
    checkpoints: Path | None = None,
    logs: Path | None = None,
    on_epoch: Callable[[Row], None] | None = None,
) -> Report:
    """Train on the train part, choose the epoch on the val part, write everything that `model/` holds.

    `samples` are the rows of clean with their `part`; `clean` and `augmented` are the folders of those artifacts. What a
    killed training needs to go on is kept in `checkpoints`, for the caller to remove once `out` is safe; without it a killed
    training begins anew. `on_epoch` is called with every row of the history; what it raises ends the training.
    """
    energy, options = Energy(), config.train
    keep_freed_memory()
    device = require_accelerator(options)
    data = open_data(config, samples, clean, augmented, rank=int(os.environ.get("LOCAL_RANK", "0")))
    pl.seed_everything(options.seed, workers=True, verbose=False)
    network = build_network(config.task, config.model, data.fitted)
    began = load_weights(network.body, config.weights, data.fitted["targets"].get("classes"))
    with _folder(checkpoints) as folder, quiet_lightning(), told_memory(options.batch_size, options.accumulate):
        kept = Checkpoints(folder, _key(config, data, began))
        plan, rows = _train(config, network, data, device, kept, logs, on_epoch)
        return _write(config, data, _Trained(network, began, plan, rows), energy, kept, out)


@dataclass(frozen=True)
class _Trained:
    """`network` has the weights of the best of the epochs in `rows`; `began` tells those with which it began."""

    network: Network
    began: Loaded
    plan: Plan
    rows: list[Row]


@contextmanager
def _folder(checkpoints: Path | None) -> Iterator[Path]:
    if checkpoints:
        yield checkpoints
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder, "checkpoints")


def _key(config: Pipeline, data: Data, began: Loaded) -> dict[str, Any]:
    """Return everything that makes two trainings the same."""
    made_of = {"task": config.task_name, "model": model_of(config), "weights": began.about, "encoding": config.encoding}
    return {**made_of, "train": config.train.model_dump(), "data": data.version}


def _train(
    config: Pipeline,
    network: Network,
    data: Data,
    device: torch.device,
    kept: Checkpoints,
    logs: Path | None,
    on_epoch: Callable[[Row], None] | None,
) -> tuple[Plan, list[Row]]:
    """Train `network` in place, or go on with it, and leave it with the weights of the best epoch."""
    options, targets = config.train, registry.module("targets", config.task.targets)
    objective = make_objective(targets, options, data.parts["train"]["target"], data.fitted["targets"])
    factors = layer_factors(network.body, options.layer_decay)

    def learner(way: Way, learning_rate: float, pace: Callable[[int], int] | None = None) -> Learner:
        return Learner(
            network,
            objective,
            options,
            data.mixing,
            learning_rate=learning_rate,
            order=way.order,
            scale=lambda name: factors.get(name.removeprefix("body."), 1.0),
            pace=pace,
        )

    plan = kept.plan() or kept.keep_plan(make_plan(options, learner, data, device))
    pl.seed_everything(options.seed, workers=True, verbose=False)  # measuring has drawn random numbers
    if options.compile:
        network.body.compile()
    budget = Budget(plan, data.indices, options) if plan.seconds is not None else None
    last = kept.last()
    if last is None or not _has_ended(read_checkpoint(last), plan, options):
        callbacks = [
            History(kept.folder, data.indices, on_epoch),
            *([budget] if budget else []),  # after what tells of an epoch, and before what must know whether it is the last
            *kept.callbacks(options.average != "none"),
        ]
        if options.freeze_epochs or options.unfreeze != "all":
            callbacks.append(Freezing(network.body, options.freeze_epochs, options.unfreeze))
        trainer = make_trainer(options, plan, callbacks, run_of(logs, kept.begun) if logs else None)
        learning = learner(plan.way, plan.learning_rate, budget.pace if budget else None)
        trainer.fit(learning, *_loaders(data, options, plan), ckpt_path=last, weights_only=True)
    network.load_state_dict(kept.best_weights())
    return plan, rows_of(read_checkpoint(kept.last_path))


def _has_ended(checkpoint: dict[str, Any], plan: Plan, options: Train) -> bool:
    return is_over(rows_of(checkpoint), epochs_of(checkpoint, plan), options.early_stopping)


def _loaders(data: Data, options: Train, plan: Plan) -> tuple[Any, Any]:
    val = OrderedIndices(data.val.num_samples, 4 * options.batch_size)
    return (
        loader(data.train, data.indices, plan.workers, options.seed),
        loader(data.val, val, 0, options.seed),  # not augmented: reading it costs less than another set of processes
    )


def _write(config: Pipeline, data: Data, trained: _Trained, energy: Energy, kept: Checkpoints, out: Path) -> Report:
    rows, best = trained.rows, best_of(trained.rows)
    write_json(out / PREPROCESSING, data.fitted)
    hyper_parameters = {
        "task": config.task_name,
        "model": model_of(config),
        "train": config.train.model_dump(mode="json"),
        "epoch": best["epoch"],
    }
    torch.save({"state_dict": trained.network.state_dict(), "hyper_parameters": hyper_parameters}, out / CHECKPOINT)
    shutil.copyfile(kept.folder / HISTORY, out / HISTORY)
    learning_curve(rows, int(best["epoch"])).savefig(out / CURVE)
    card = make_card(config, trained.network, data, trained.plan, rows, best, energy.joules())
    write_json(out / CARD, {**card, "weights": trained.began.about})
    if trained.began.layers:
        write_json(out / WEIGHTS, trained.began.as_json())
    return Report(
        counts=card["num_samples"],
        numbers={
            "best_epoch": best["epoch"],
            "best_val_loss": best["val_loss"],
            **scores_of(best),
            "epochs": len(rows),
            "parameters": card["num_parameters"],
            "workers": trained.plan.workers,
            **({f"layers_{what}": count for what, count in trained.began.counts.items()} if trained.began.layers else {}),
        },
    )
