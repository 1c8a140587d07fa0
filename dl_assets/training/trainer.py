"""Lightning's Trainer as the YAML asks for it, and as quiet as a stage has to be."""

import ctypes
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, EarlyStopping
from pytorch_lightning.loggers import TensorBoardLogger
from pytorch_lightning.profilers import PassThroughProfiler

from dl_assets import files
from dl_assets.config import Train
from dl_assets.errors import ConfigError
from dl_assets.training.averaging import LateMean, MovingAverage
from dl_assets.training.plan import Plan
from dl_assets.training.recovery import WholeFiles

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # numbers of malloc.h
_MOST_RUNS = 20  # that TensorBoard is shown of a pipeline
_PRECISIONS = {32: "32-true", 16: "16-mixed", "bf16": "bf16-mixed"}


def make_trainer(options: Train, plan: Plan, callbacks: list[Callback], logs: Path | None) -> pl.Trainer:
    """Build the Trainer of one training; `logs` is the folder of its curves for TensorBoard, None for none."""
    # Asked to repeat, torch fills each new tensor with NaN, for those who read what nobody wrote: 6 % of a small MobileNet.
    torch.utils.deterministic.fill_uninitialized_memory = options.deterministic  # type: ignore[attr-defined]
    return pl.Trainer(
        accelerator=options.accelerator,
        devices=options.devices,
        strategy=_strategy(options),
        use_distributed_sampler=False,  # batches are shared by their indices
        max_epochs=plan.epochs,
        precision=_PRECISIONS[plan.precision],  # type: ignore[arg-type]
        accumulate_grad_batches=options.accumulate,
        gradient_clip_val=options.clip_gradients or None,
        deterministic=True if options.deterministic else "warn",
        callbacks=[*callbacks, *_optional(options)],
        logger=TensorBoardLogger(logs, name=None, version="") if logs else False,
        plugins=[WholeFiles()],
        profiler=NoProfiler(),
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )


class NoProfiler(PassThroughProfiler):
    """Measures nothing, and makes nothing up for it: Lightning's own makes a context for every hook, some fifty in a step."""

    _nothing = nullcontext()

    def profile(self, action_name: str) -> AbstractContextManager[Any]:  # type: ignore[override]
        return self._nothing


def keep_freed_memory() -> None:
    """Let this process keep the memory that it frees, where glibc gives it out; elsewhere do nothing.

    Each step frees what the next one needs again. Given back to Linux, it comes as pages that have to be cleared first: 5 to
    10 % of the time of a training on a CPU.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # macOS, musl, Windows
        return
    for parameter, value in ((_MMAP_THRESHOLD, 2**30), (_TRIM_THRESHOLD, 2**31 - 1)):
        mallopt(parameter, value)


def run_of(logs: Path, name: str) -> Path:
    """Return the folder of one run among the logs, in which the oldest make room."""
    others = sorted(path for path in logs.glob("*") if path.is_dir() and path.name != name)
    for path in others[: max(0, len(others) - _MOST_RUNS + 1)]:
        files.remove(path)
    return logs / name


def _strategy(options: Train) -> str:
    if options.devices == 1:
        return "auto"
    is_partly_frozen = options.freeze_epochs or options.unfreeze != "all"
    return "ddp_find_unused_parameters_true" if is_partly_frozen else "ddp"


def _optional(options: Train) -> list[Callback]:
    callbacks: list[Callback] = []
    if options.early_stopping:
        callbacks.append(EarlyStopping("val_loss", patience=options.early_stopping))
    if options.average == "ema":
        callbacks.append(MovingAverage(options.ema_decay))
    if options.average == "swa":
        callbacks.append(LateMean())
    return callbacks


def require_accelerator(options: Train) -> torch.device:
    """Return the device on which to train. Raises ConfigError where the one that is asked for is not there."""
    available: dict[str, Callable[[], bool]] = {"gpu": torch.cuda.is_available, "mps": torch.backends.mps.is_available}
    wanted = options.accelerator
    if wanted in available and not available[wanted]():
        raise ConfigError(
            f"train.accelerator is '{wanted}', but torch finds no such device here. "
            "Write `accelerator: auto` to use what there is."
        )
    found = next((name for name, is_there in available.items() if wanted in ("auto", name) and is_there()), "cpu")
    if found == "gpu" and options.devices > torch.cuda.device_count():
        raise ConfigError(
            f"train.devices is {options.devices}, but torch finds {torch.cuda.device_count()} GPUs. Write no more than that."
        )
    if options.batch_size < 2 * options.devices:
        raise ConfigError(
            f"train.batch_size is {options.batch_size}, but each of {options.devices} devices needs 2 samples or more. "
            f"Write {2 * options.devices} or more."
        )
    return torch.device("cuda" if found == "gpu" else found)


@contextmanager
def quiet_lightning() -> Iterator[None]:
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
