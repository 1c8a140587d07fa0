"""`learning_rate: auto`: a rate that was found by trying many."""

import copy
import math
import tempfile
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path

import pytorch_lightning as pl
from pytorch_lightning.tuner.tuning import Tuner

from dl_assets.config import Train
from dl_assets.errors import PipelineError
from dl_assets.training.batches import Batches, ShuffledIndices, loader
from dl_assets.training.learner import Learner

_LOWEST, _HIGHEST, _NUM_RATES = 1e-6, 1.0, 100


def find_learning_rate(learner: Learner, batches: Batches, indices: ShuffledIndices, options: Train) -> float:
    """Return a tenth of the rate at which the loss is lowest while the rate rises from step to step; nothing is learnt.

    Smith, Cyclical Learning Rates for Training Neural Networks, 2017; a tenth as in Howard and Gugger, fastai, 2020. Where the
    loss falls most steeply, which is what Lightning suggests, is next to chance on a small set.
    """
    with tempfile.TemporaryDirectory() as folder, redirect_stderr(StringIO()):  # Lightning draws a bar in any case
        trainer = pl.Trainer(
            accelerator=options.accelerator,
            devices=1,
            max_epochs=math.ceil(_NUM_RATES / len(indices)),
            default_root_dir=Path(folder),
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            num_sanity_val_steps=0,
        )
        finder = Tuner(trainer).lr_find(
            copy.deepcopy(learner),
            loader(batches, indices, 0, options.seed),
            min_lr=_LOWEST,
            max_lr=_HIGHEST,
            num_training=_NUM_RATES,
            update_attr=False,
        )
    assert finder is not None, "Lightning finds a rate on its first process"
    found = tenth_of_the_lowest(finder.results["lr"], finder.results["loss"])
    print(f"learning at a rate of {found:.3g}, a tenth of that at which the loss was lowest", flush=True)
    return found


def tenth_of_the_lowest(rates: list[float], losses: list[float]) -> float:
    """Return a tenth of the rate of the lowest loss. Raises PipelineError where no loss is below the first.

    >>> round(tenth_of_the_lowest([0.001, 0.01, 0.1, 1.0], [0.7, 0.6, 0.4, 0.9]), 6)
    0.01
    """
    best = min(range(len(losses)), key=lambda index: losses[index], default=0)
    if best == 0:
        raise PipelineError(
            "no learning rate could be found, because the loss fell at none of those that were tried. "
            "Write a number in place of train.learning_rate: auto, for example 1.0e-3."
        )
    return rates[best] / 10
