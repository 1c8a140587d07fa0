"""What is learnt by and what val is judged by: the losses of one training."""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, cast

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from dl_assets import registry
from dl_assets.config import Train
from dl_assets.errors import ConfigError


@dataclass(frozen=True)
class Objective:
    """`learn` is the loss of the YAML, with weights [C] of the classes where it asks for some.

    Val is judged by the plain loss of the kind of target, whatever is learnt by, so that models can be compared.
    """

    learn: Callable[..., Tensor]
    options: dict[str, Any]
    weights: Tensor | None
    plain: Callable[..., Tensor]
    score: Callable[..., dict[str, Tensor]]

    def loss(self, outputs: Tensor, encoded: Tensor) -> Tensor:
        """Return what the gradient is taken of, []."""
        weights = None if self.weights is None else self.weights.to(outputs.device)
        return self.learn(outputs.float(), encoded, weights, **self.options)

    def judge(self, outputs: Tensor, encoded: Tensor) -> dict[str, Tensor]:
        """Return `loss` and the scores that a person watches, each as the mean of the batch."""
        outputs = outputs.float()
        return {"loss": self.plain(outputs, encoded), **self.score(outputs, encoded)}


def make_objective(targets: ModuleType, options: Train, train: pl.Series, fitted: dict[str, Any]) -> Objective:
    """Find the loss of the YAML, or that of the kind of target; `train` are the targets of the train part."""
    chosen = options.loss.model_dump() if options.loss else {"name": targets.LOSS}
    weights = _weights(targets, options, train, fitted)
    return Objective(
        learn=registry.find("losses", chosen.pop("name")),
        options=chosen,
        weights=None if weights is None else torch.from_numpy(weights),
        plain=registry.find("losses", targets.LOSS),
        score=targets.score,
    )


def _weights(targets: ModuleType, options: Train, train: pl.Series, fitted: dict[str, Any]) -> NDArray[np.float32] | None:
    wanted = options.class_weights
    if wanted is None:
        return None
    balanced = cast(NDArray[np.float32], targets.class_weights(train, fitted))  # an error where there are no classes
    if wanted == "balanced":
        return balanced
    unknown = sorted(set(wanted) - set(fitted["classes"]))
    if unknown:
        raise ConfigError(
            f"train.class_weights names {', '.join(unknown)}, but the classes of the train part are "
            f"{', '.join(fitted['classes'])}. Name those; a class without a weight has 1."
        )
    return np.array([wanted.get(name, 1.0) for name in fitted["classes"]], dtype=np.float32)
