"""What a network makes of a picture before it decides, as few numbers: by them pictures are told from others."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dl_assets.inference.network import Network

EMBEDDING = "embedding"  # name of the model's second output
MOST_NUMBERS = 16
# Of less than a hundredth of the first one's deviation a component is noise rather than anything about a picture.
_LEAST_VARIANCE, _ROUNDING = 1e-4, 1e-10


@dataclass(frozen=True)
class Tap:
    """The last linear layer of a network, by its name in the body, and how many views of each sample it is shown."""

    layer: str
    num_views: int

    def ask(self, network: Network, answer: Callable[[Tensor], Tensor], raw: Tensor) -> tuple[Tensor, Tensor]:
        """Return the answers [B, outputs] for raw samples, and what the layer is given, [B, F]: of several views the mean."""
        with _watched(network.body.get_submodule(self.layer)) as given:
            answers = answer(raw)
        features = given[-1]  # [views * B, F], one view after the other
        return answers, features.reshape(self.num_views, -1, features.shape[-1]).mean(dim=0)


@contextmanager
def _watched(layer: nn.Module) -> Iterator[list[Tensor]]:
    given: list[Tensor] = []
    hook = layer.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
    try:
        yield given
    finally:
        hook.remove()


@torch.inference_mode()
def find_tap(network: Network, raw: Tensor) -> Tap | None:
    """Return the linear layer that is called last; None where that does not make the outputs, as in a head of convolutions."""
    calls: list[tuple[str, Tensor, Tensor]] = []

    def note(name: str) -> Callable[..., None]:
        return lambda _, given, found: calls.append((name, given[0], found))

    linear = [(name, layer) for name, layer in network.body.named_modules() if isinstance(layer, nn.Linear)]
    hooks = [layer.register_forward_hook(note(name)) for name, layer in linear]
    num_outputs = network.probabilities(raw).shape[-1]
    for hook in hooks:
        hook.remove()
    if not calls:
        return None
    name, given, found = calls[-1]
    return Tap(name, len(given) // len(raw)) if given.ndim == 2 and found.shape == (len(given), num_outputs) else None


class Embedding(nn.Module):
    """What the layer at `tap` is given, [B, F], on its principal components, [B, K]: each has the variance 1."""

    mean: Tensor  # [F]
    components: Tensor  # [F, K]

    def __init__(self, tap: Tap, mean: NDArray[Any], components: NDArray[Any]) -> None:
        super().__init__()
        self.tap, self.size = tap, components.shape[1]
        self.register_buffer("mean", torch.from_numpy(mean).float())
        self.register_buffer("components", torch.from_numpy(components).float())

    def forward(self, features: Tensor) -> Tensor:
        return (features - self.mean) @ self.components


def fit_embedding(tap: Tap, features: NDArray[np.floating[Any]]) -> Embedding | None:
    """Fit at most 16 components on what the layer was given for some samples, [N, F]; None where that was always the same."""
    from sklearn.decomposition import PCA

    size = min(MOST_NUMBERS, len(features) - 1, features.shape[1])
    if size < 1 or not np.ptp(features, axis=0).any():
        return None
    exact = features.astype(np.float64)
    found = PCA(size, random_state=0).fit(exact)
    variances: NDArray[np.float64] = found.explained_variance_
    least = max(_LEAST_VARIANCE * variances[0], _ROUNDING * np.square(exact).sum(axis=1).mean())
    is_kept = variances > least
    components = found.components_[is_kept] / np.sqrt(variances[is_kept])[:, None]  # [K, F]
    return Embedding(tap, found.mean_, np.ascontiguousarray(components.T)) if is_kept.any() else None
