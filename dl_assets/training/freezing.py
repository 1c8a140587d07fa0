"""Transfer learning: the head learns first, then more and more of the model, and the layers near the input learn slower."""

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from torch import nn

from dl_assets.inference.layers import head_of, layer_groups


class Freezing(Callback):
    """Trains the head of `body` alone for `freeze_epochs`, then what `unfreeze` says: `all`, or `last_n` groups and the head.

    What is frozen gets no gradient, and stays in eval mode, so that the statistics of its norms stay too. Its parameters
    are in the optimizer all the time, which skips what has no gradient; what is frozen depends on the number of the epoch
    alone. So a training that goes on from a checkpoint needs nothing of this. Under DDP, Lightning's strategy must be
    `ddp_find_unused_parameters_true`.
    """

    def __init__(self, body: nn.Module, freeze_epochs: int, unfreeze: str = "all") -> None:
        self._body, self._freeze_epochs, self._unfreeze = body, freeze_epochs, unfreeze

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        frozen = self.frozen(trainer.current_epoch)
        for name, parameter in self._body.named_parameters():
            parameter.requires_grad_(name not in frozen)
        set_modes(self._body)

    def frozen(self, epoch: int) -> set[str]:
        """Return the names of the parameters that do not learn in this epoch, the first of which is 0."""
        groups = layer_groups(self._body)
        learning = 0 if epoch < self._freeze_epochs else num_unfrozen(self._unfreeze, len(groups))
        return {name for group in groups[: len(groups) - learning] for name in group}


def num_unfrozen(unfreeze: str, num_groups: int) -> int:
    """Return how many groups learn, from the head backwards, where the head is not alone.

    >>> num_unfrozen("all", 5), num_unfrozen("last_2", 5), num_unfrozen("last_9", 5)
    (5, 2, 5)
    """
    return num_groups if unfreeze == "all" else min(num_groups, int(unfreeze.removeprefix("last_")))


def set_modes(module: nn.Module, training: bool = True) -> None:
    """Put every part in training mode but those whose parameters are all frozen; parts without any go with what holds them."""
    own = [parameter.requires_grad for parameter in module.parameters()]
    module.training = any(own) if own else training
    for child in module.children():
        set_modes(child, module.training)


def layer_factors(body: nn.Module, layer_decay: float) -> dict[str, float]:
    """Return by what the learning rate of each parameter is multiplied: 1 in the head, `layer_decay` less in each group before.

    >>> layer_factors(nn.Sequential(nn.Linear(1, 1, bias=False), nn.ReLU(), nn.Linear(1, 1, bias=False)), 0.5)
    {'0.weight': 0.5, '2.weight': 1.0}
    """
    groups = [*layer_groups(body), head_of(body)]
    return {name: layer_decay ** (len(groups) - 1 - number) for number, group in enumerate(groups) for name in group}
