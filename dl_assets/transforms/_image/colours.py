"""What albumentations' ColorJitter does to bytes of three channels, bit for bit, in two thirds of its time."""

from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
from albucore.functions import sz_lut  # type: ignore[import-untyped]
from numpy.typing import NDArray

Picture = NDArray[np.uint8]  # [H, W, 3]
Adjust = Callable[[Any, float], Any]

_LEVELS = np.arange(256, dtype=np.float32)
_HUES = np.arange(256, dtype=np.int16)
_NUM_HUES = 180  # of OpenCV, for bytes
_look_up = sz_lut.__wrapped__  # without its checks of what is contiguous, for it copies first


def quicker(adjusts: Sequence[Adjust]) -> list[Adjust]:
    """Return the four functions of ColorJitter in other words: brightness, contrast, saturation and hue."""
    own = (_adjust_brightness, _adjust_contrast, _adjust_saturation, _adjust_hue)
    return [_or_theirs(ours, theirs) for ours, theirs in zip(own, adjusts, strict=True)]


def _or_theirs(ours: Adjust, theirs: Adjust) -> Adjust:
    """Leave what is special to albumentations: grey pictures, and the factors at which it does something else."""

    def adjust(picture: Any, factor: float) -> Any:
        is_plain = picture.ndim == 3 and picture.shape[2] == 3 and factor not in (0, 1)
        return ours(picture, factor) if is_plain else theirs(picture, factor)

    return adjust


def _adjust_brightness(picture: Picture, factor: float) -> Any:
    return _look_up(picture, _to_bytes(_LEVELS * np.float32(factor)), False)


def _adjust_contrast(picture: Picture, factor: float) -> Any:
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    mean = cv2.sumElems(grey)[0] / grey.size
    return _look_up(picture, _to_bytes(_LEVELS * factor + mean * (1 - factor)), False)


def _adjust_saturation(picture: Picture, factor: float) -> Any:
    grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return cv2.addWeighted(picture, factor, grey, 1 - factor, 0, grey)


def _adjust_hue(picture: Picture, factor: float) -> Any:
    converted = cv2.cvtColor(picture, cv2.COLOR_RGB2HSV)
    turned = np.mod(_HUES + _NUM_HUES * factor, _NUM_HUES).astype(np.uint8)
    cv2.insertChannel(_look_up(cv2.extractChannel(converted, 0), turned, True), converted, 0)
    return cv2.cvtColor(converted, cv2.COLOR_HSV2RGB, converted)


def _to_bytes(levels: NDArray[np.float32]) -> NDArray[np.uint8]:
    return np.minimum(np.maximum(levels, 0), 255).astype(np.uint8)
