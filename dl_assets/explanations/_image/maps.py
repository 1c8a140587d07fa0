"""Where in a picture an answer comes from: Grad-CAM, coarse, and integrated gradients, pixel by pixel."""

from collections.abc import Callable

import numpy as np
import torch
from captum.attr import IntegratedGradients, LayerGradCam
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import interpolate

from dl_assets.evaluation.bootstrap import Floats
from dl_assets.explanations._image.asked import Asked
from dl_assets.explanations._image.feature_map import last_map

_BUDGET, _MOST_STEPS, _LEAST_STEPS = 1e12, 32, 8
_PASSES = 3  # what forth and back costs, against forth alone


class Maps:
    """Explains outputs of a network; `explained` puts before them what is explained of them."""

    def __init__(
        self, asked: Asked, picture: NDArray[np.uint8], explained: Callable[[nn.Module], nn.Module], *, num_explained: int
    ) -> None:
        self._asked, self._body = asked, explained(asked.network.body)
        passes = _PASSES * num_explained
        self.steps = asked.affordable(_MOST_STEPS, passes=passes, budget=_BUDGET, least=_LEAST_STEPS)  # of the integral
        self._layer = last_map(asked.network.body, self._features(picture[None]))

    @property
    def has_grad_cam(self) -> bool:
        return self._layer is not None

    def grad_cam(self, pictures: NDArray[np.uint8], outputs: NDArray[np.int64]) -> Floats | None:
        """Return where what speaks for each output lies, [N, H, W], 0 to 1 (Selvaraju et al., Grad-CAM, ICCV 2017)."""
        if self._layer is None:
            return None
        explain = LayerGradCam(self._body, self._layer)

        def attribute(features: Tensor, target: Tensor) -> Tensor:
            found = explain.attribute(features, target, relu_attributions=True)  # [B, 1, h, w]
            return interpolate(found, size=features.shape[2:], mode="bilinear", align_corners=False)

        found = self._each(pictures, outputs, attribute)
        scaled: Floats = found / np.maximum(found.max(axis=(1, 2), keepdims=True), np.finfo(np.float32).tiny)
        return scaled

    def gradients(self, pictures: NDArray[np.uint8], outputs: NDArray[np.int64]) -> Floats:
        """Return what each pixel adds to each output, [N, H, W], against a picture of the train part's mean colour.

        They sum to the difference of the outputs for the two, but for the error of the integral (Sundararajan, Taly and Yan,
        Axiomatic Attribution for Deep Networks, ICML 2017).
        """
        explain = IntegratedGradients(self._body)

        def attribute(features: Tensor, target: Tensor) -> Tensor:
            found: Tensor = explain.attribute(features, target=target, n_steps=self.steps, internal_batch_size=len(features))
            return found

        return self._each(pictures, outputs, attribute)

    def _each(
        self, pictures: NDArray[np.uint8], outputs: NDArray[np.int64], attribute: Callable[[Tensor, Tensor], Tensor]
    ) -> Floats:
        """Return the attributions of all pictures, those of their channels together, [N, H, W]."""
        targets = torch.from_numpy(outputs).to(self._asked.device)
        found = [
            attribute(self._features(pictures[batch]), targets[batch]).detach().sum(dim=1).double().cpu().numpy()
            for batch in self._asked.batches(len(pictures))
        ]
        return np.concatenate(found)

    @torch.no_grad()
    def _features(self, pictures: NDArray[np.uint8]) -> Tensor:
        features: Tensor = self._asked.network.preprocess(self._asked.pixels(pictures))  # [B, H, W, C] -> [B, C, H, W]
        return features
