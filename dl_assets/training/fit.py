"""One training from the stored samples to a model on disk."""

import hashlib
import json
import logging
import platform
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import polars
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint

from dl_assets import registry
from dl_assets.artifacts.report import Report, write_json
from dl_assets.artifacts.shards import Arrays, open_arrays
from dl_assets.config import Pipeline, Train
from dl_assets.errors import ConfigError, DataError
from dl_assets.inference.network import CARD, CHECKPOINT, CROP, PREPROCESSING, build_network
from dl_assets.training.augmented import read_augmented
from dl_assets.training.batches import Batches, OrderedIndices, ShuffledIndices, loader
from dl_assets.training.callbacks import History, keep_weights_only
from dl_assets.training.curve import learning_curve
from dl_assets.training.learner import Learner
from dl_assets.training.workers import choose_workers


def fit(
    config: Pipeline,
    *,
    samples: polars.DataFrame,
    clean: Path,
    augmented: Path,
    out: Path,
    checkpoints: Path | None = None,  # ignored on this branch
) -> Report:
    """Train on the train part, choose the epoch on the val part, write everything that `model/` holds.

    `samples` are the rows of clean with their `part`; `clean` and `augmented` are the folders of those artifacts.
    """
    started = time.monotonic()
    _require_accelerator(config.train.accelerator)
    parts = {part: samples.filter(polars.col("part") == part) for part in ("train", "val")}
    _require_samples(parts)
    augmentation = read_augmented(augmented, registry.module("transforms", config.task.inputs), config.train.seed)
    arrays = {part: open_arrays(clean, rows) for part, rows in parts.items()}
    fitted = _fit_preprocessing(config, parts["train"], arrays["train"], augmentation.policy.shape)
    write_json(out / PREPROCESSING, fitted)

    options, targets = config.train, registry.module("targets", config.task.targets)
    encode = partial(targets.encode, fitted=fitted["targets"])
    train = augmentation.batches(parts["train"], arrays["train"], encode)
    val = Batches(arrays["val"], encode(parts["val"]["target"]))
    indices = ShuffledIndices(train.num_samples, options.batch_size, options.seed)
    workers = choose_workers(options.workers, train, indices, options.epochs)
    with _quiet_lightning():
        pl.seed_everything(options.seed, workers=True, verbose=False)
        network = build_network(config.task, config.model, fitted)
        loaders = (
            loader(train, indices, workers, options.seed),
            # Val is not augmented: reading it costs less than another set of processes.
            loader(val, OrderedIndices(val.num_samples, 4 * options.batch_size), 0, options.seed),
        )
        history = _run(options, Learner(network, targets, options, augmentation.mixing), loaders, out)

    best = history.best()
    keep_weights_only(
        out / CHECKPOINT,
        {
            "task": config.task_name,
            "model": _model(config),
            "train": config.train.model_dump(mode="json"),
            "epoch": best["epoch"],
        },
    )
    learning_curve(history.rows, int(best["epoch"])).savefig(out / "learning_curve.png")
    num_parameters = sum(parameter.numel() for parameter in network.parameters())
    write_json(
        out / CARD,
        {
            "pipeline": config.name,
            "task": config.task_name,
            "model": _model(config),
            **fitted["targets"],
            "num_parameters": num_parameters,
            "seed": config.train.seed,
            "num_samples": {part: len(rows) for part, rows in parts.items()},
            "data": _fingerprint(samples),
            "epochs": len(history.rows),
            "best_epoch": best["epoch"],
            "val": _scores(best),
            "hardware": _hardware(config.train.accelerator),
            "torch": str(torch.__version__),
            "lightning": version("pytorch-lightning"),
            "seconds": round(time.monotonic() - started, 2),
        },
    )
    return Report(
        counts={part: len(rows) for part, rows in parts.items()},
        numbers={
            "best_epoch": best["epoch"],
            "best_val_loss": best["val_loss"],
            **_scores(best),
            "epochs": len(history.rows),
            "parameters": num_parameters,
            "workers": workers,
        },
    )


def _fit_preprocessing(config: Pipeline, train: polars.DataFrame, arrays: Arrays, shown: tuple[int, ...]) -> dict[str, Any]:
    """Fit on the train part only: what is known of val or test may not reach the model. `shown` is what the policy makes."""
    crop = {} if shown == arrays.shape else {CROP: list(shown[:2])}
    return {
        "inputs": registry.module("inputs", config.task.inputs).fit(arrays) | crop,
        "targets": registry.module("targets", config.task.targets).fit(train["target"]),
    }


def _run(options: Train, learner: Learner, loaders: tuple[Any, Any], out: Path) -> History:
    train, val = loaders
    history = History(out, num_samples=train.dataset.num_samples)
    callbacks: list[pl.Callback] = [
        history,
        ModelCheckpoint(
            out, CHECKPOINT.removesuffix(".ckpt"), monitor="val_loss", save_weights_only=True, enable_version_counter=False
        ),
    ]
    if options.early_stopping:
        callbacks.append(EarlyStopping("val_loss", patience=options.early_stopping))
    trainer = pl.Trainer(
        accelerator=options.accelerator,
        devices=1,
        max_epochs=options.epochs,
        deterministic="warn",
        default_root_dir=out,
        callbacks=callbacks,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(learner, train, val)
    return history


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Silence hints that are meant for people who write a training by hand; errors still come through."""
    loggers = [logging.getLogger(name) for name in ("pytorch_lightning", "lightning_fabric", "lightning.pytorch")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"(pytorch_lightning|lightning_fabric)\..*")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _require_accelerator(accelerator: str) -> None:
    available: dict[str, Callable[[], bool]] = {"gpu": torch.cuda.is_available, "mps": torch.backends.mps.is_available}
    if accelerator in available and not available[accelerator]():
        raise ConfigError(
            f"train.accelerator is '{accelerator}', but torch finds no such device here. "
            "Write `accelerator: auto` to use what there is."
        )


def _require_samples(parts: dict[str, polars.DataFrame]) -> None:
    for part, needed in (("train", 2), ("val", 1)):
        found = len(parts[part])
        if found < needed:
            raise DataError(
                f"the {part} part holds {found} sample{'s' if found != 1 else ''}, but training needs {needed} or "
                f"more. Add samples to the source, or give split.{part} a larger share."
            )


def _model(config: Pipeline) -> dict[str, Any]:
    return {"name": config.model.name, "options": json.loads(json.dumps(config.model.options))}


def _scores(row: dict[str, float]) -> dict[str, float]:
    return {name: value for name, value in row.items() if name.startswith("val_") and name != "val_loss"}


def _fingerprint(samples: polars.DataFrame) -> str:
    """Return a hash of which content is in which part; equal for equal data in any order."""
    rows = samples.select("id", "digest", "part").sort("id")
    return hashlib.sha256(rows.write_csv().encode()).hexdigest()


def _hardware(accelerator: str) -> str:
    if accelerator != "cpu" and torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads"
