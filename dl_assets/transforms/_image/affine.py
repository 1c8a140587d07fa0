"""Turning, moving and zooming by fractions of a pixel."""

import math
from random import Random
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

Border = Literal["black", "edge", "reflect"]
Positive = Annotated[float, Field(gt=0, le=10)]


def _ordered(pair: tuple[float, float]) -> tuple[float, float]:
    if pair[0] > pair[1]:
        raise ValueError("must have the smaller number first")
    return pair


Range = Annotated[tuple[Positive, Positive], AfterValidator(_ordered)]


class SubPixelAffine:
    """Turn by up to `rotate` degrees, move by up to `shift` of the side, zoom by a factor from `scale`, slant by `shear`.

    albumentations' own Affine cuts a shift to whole pixels, so that 8 % of 8 px would be no shift at all.
    """

    def __init__(
        self,
        *,
        rotate: Annotated[float, Field(ge=0, le=180)] = 10.0,
        shift: Annotated[float, Field(ge=0, le=1)] = 0.05,
        scale: Range = (0.9, 1.1),
        shear: Annotated[float, Field(ge=0, le=60)] = 0.0,
        border: Border = "black",
        p: Annotated[float, Field(ge=0, le=1)] = 1.0,
    ) -> None:
        import cv2

        self.p = p
        self._rotate, self._shift, self._scale, self._shear = rotate, shift, scale, shear
        borders = {"black": cv2.BORDER_CONSTANT, "edge": cv2.BORDER_REPLICATE, "reflect": cv2.BORDER_REFLECT_101}
        self._border, self._warp = borders[border], cv2.warpAffine
        self._random = Random()

    def set_random_state(self, generator: Any, python: Random) -> None:
        self._random = python

    def needs(self) -> list[str]:
        return []

    def __call__(self, picture: NDArray[np.uint8], *, force_apply: bool = False) -> NDArray[np.uint8]:
        """Return another picture of the same shape [H, W, C]."""
        draw = self._random.uniform
        if not force_apply and draw(0, 1) >= self.p:
            return picture
        height, width = picture.shape[:2]
        matrix = affine_matrix(
            (height, width),
            angle=draw(-self._rotate, self._rotate),
            zoom=draw(*self._scale),
            slant=draw(-self._shear, self._shear),
            shift_px=(draw(-self._shift, self._shift) * width, draw(-self._shift, self._shift) * height),
        )
        moved: NDArray[Any] = self._warp(picture, matrix, (width, height), borderMode=self._border)
        return moved.reshape(picture.shape)  # [H, W] -> [H, W, 1] where there is one channel


def affine_matrix(
    size: tuple[int, int], angle: float, zoom: float, slant: float, shift_px: tuple[float, float]
) -> NDArray[np.float64]:
    """Return the [2, 3] map of (x, y) that slants, turns and zooms about the centre, then moves; angles in degrees."""
    cos, sin, tan = math.cos(math.radians(angle)) * zoom, math.sin(math.radians(angle)) * zoom, math.tan(math.radians(slant))
    xx, xy, yx, yy = cos, cos * tan - sin, sin, sin * tan + cos
    center_x, center_y = (size[1] - 1) / 2, (size[0] - 1) / 2
    return np.array(
        [
            [xx, xy, center_x + shift_px[0] - xx * center_x - xy * center_y],
            [yx, yy, center_y + shift_px[1] - yx * center_x - yy * center_y],
        ]
    )
