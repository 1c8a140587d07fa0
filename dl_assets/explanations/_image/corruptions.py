"""What happens to pictures in the world, in five severities: uint8 [H, W, C] -> the same shape.

In the manner of Hendrycks and Dietterich, Benchmarking Neural Network Robustness to Common Corruptions, ICLR 2019; lengths
grow with the side of the picture, so that a severity looks alike at any size.
"""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Corruption = Callable[[Picture, int, np.random.Generator], Picture]
SEVERITIES = (1, 2, 3, 4, 5)

_NOISE = (0.04, 0.08, 0.12, 0.18, 0.26)  # standard deviation, as a share of 255
_BLUR = (0.0125, 0.02, 0.03, 0.04, 0.06)  # standard deviation, as a share of the longer side
_LEAST_SIDE = 24  # px; of a smaller picture such a share would blur nothing
_BRIGHTNESS = (0.1, 0.2, 0.3, 0.4, 0.5)  # added, as a share of 255
_CONTRAST = (0.75, 0.5, 0.4, 0.3, 0.15)  # what is left of it
_QUALITY = (60, 40, 25, 15, 7)  # of JPEG
_DEGREES = (5, 10, 15, 20, 30)


def noise(picture: Picture, severity: int, rng: np.random.Generator) -> Picture:
    return _levels(picture + 255 * _NOISE[severity - 1] * rng.standard_normal(picture.shape))


def blur(picture: Picture, severity: int, rng: np.random.Generator) -> Picture:
    deviation = max(*picture.shape[:2], _LEAST_SIDE) * _BLUR[severity - 1]
    return _shaped(cv2.GaussianBlur(picture, (0, 0), deviation, borderType=cv2.BORDER_REFLECT_101), picture)


def brightness(picture: Picture, severity: int, rng: np.random.Generator) -> Picture:
    return _levels(picture + 255 * _BRIGHTNESS[severity - 1])


def contrast(picture: Picture, severity: int, rng: np.random.Generator) -> Picture:
    mean = picture.mean(axis=(0, 1))
    return _levels((picture - mean) * _CONTRAST[severity - 1] + mean)


def jpeg(picture: Picture, severity: int, rng: np.random.Generator) -> Picture:
    # OpenCV takes the channels in another order, which matters to the colour space of JPEG.
    _, encoded = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY[severity - 1]])
    return _shaped(cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED), picture)[..., ::-1]


def rotation(picture: Picture, severity: int, rng: np.random.Generator) -> Picture:
    """Turn to the left or to the right; at the border the picture is mirrored."""
    height, width = picture.shape[:2]
    degrees = _DEGREES[severity - 1] * rng.choice((-1, 1))
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), float(degrees), 1)
    return _shaped(cv2.warpAffine(picture, turn, (width, height), borderMode=cv2.BORDER_REFLECT_101), picture)


CORRUPTIONS: dict[str, Corruption] = {
    "noise": noise,
    "blur": blur,
    "brightness": brightness,
    "contrast": contrast,
    "JPEG": jpeg,
    "rotation": rotation,
}


def corrupted(pictures: Picture, name: str, severity: int, seed: int) -> Picture:
    """Return all pictures [N, H, W, C] so corrupted; what is drawn for a picture is drawn alike for every severity."""
    change, place = CORRUPTIONS[name], list(CORRUPTIONS).index(name)
    made = [change(picture, severity, np.random.default_rng((seed, place, number))) for number, picture in enumerate(pictures)]
    return np.stack(made)


def _levels(values: NDArray[np.floating[Any]]) -> Picture:
    return values.round().clip(0, 255).astype(np.uint8)


def _shaped(found: Any, picture: Picture) -> Picture:
    """OpenCV drops a channel that is the only one."""
    shaped: Picture = np.asarray(found, dtype=np.uint8).reshape(picture.shape)
    return shaped
