"""`learning_rate: auto`: a rate found by trying."""

import copy
import tempfile
from pathlib import Path

import pytorch_lightning as pl
from pytorch_lightning.tuner import Tuner

from dl_assets.config import Train
from dl_assets.errors import PipelineError
from dl_assets.training.batches import Batches, ShuffledIndices, loader
from dl_assets.training.learner import Learner

_LOWEST, _HIGHEST, _NUM_RATES = 1e-6, 1.0, 100


def find_learning_rate(learner: Learner, batches: Batches, indices: ShuffledIndices, options: Train) -> float:
    """Return the rate at which the loss falls most steeply while the rate rises from step to step; nothing is learnt.

    Smith, Cyclical Learning Rates for Training Neural Networks, 2017, as Lightning does it.
    """
    with tempfile.TemporaryDirectory() as folder:
        trainer = pl.Trainer(
            accelerator=options.accelerator,
            devices=1,
            max_epochs=-1,
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
    found = finder.suggestion() if finder else None
    if found is None:
        raise PipelineError(
            "no learning rate could be found, because the loss fell at none of those that were tried. "
            "Write a number in place of train.learning_rate: auto, for example 1.0e-3."
        )
    print(f"learning at a rate of {found:.3g}, at which the loss fell most steeply", flush=True)
    return float(found)
