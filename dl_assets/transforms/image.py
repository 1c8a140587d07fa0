"""Augmentations of pictures: each function is a transform that the YAML may name, its keywords are its options."""

import functools
import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from dl_assets import registry
from dl_assets.errors import ArtifactError, ConfigError

Size = tuple[int, int]  # height and width in px
Transform = Any  # an albumentations.BasicTransform; naming it here would cost 2 s of import in every process
Probability = Annotated[float, Field(ge=0, le=1)]
Degrees = Annotated[float, Field(ge=0, le=180)]
Strength = Annotated[float, Field(ge=0, le=1)]
Border = Literal["black", "edge", "reflect"]
Positive = Annotated[float, Field(gt=0, le=10)]
Share = Annotated[float, Field(gt=0, le=1)]


class Choice(Protocol):
    """A transform by name, with its validated options."""

    @property
    def name(self) -> str: ...
    @property
    def options(self) -> dict[str, Any]: ...


class Policy:
    """A random sequence of transforms: uint8 [H, W, C] -> the same shape. The seed fixes the sequence of its results."""

    def __init__(self, pipeline: Any, seed: int) -> None:
        self._pipeline = pipeline
        self._pipeline.set_random_seed(seed)

    def __call__(self, array: NDArray[np.uint8]) -> NDArray[np.uint8]:
        # A copy, because a transform may write into its input, and the input may be a shard on disk.
        changed = self._pipeline(image=np.array(array))["image"]
        return np.ascontiguousarray(changed).reshape(array.shape)

    def __len__(self) -> int:
        return len(self._pipeline.transforms)

    def serialise(self) -> dict[str, Any]:
        """Return what `load` needs, as JSON types."""
        import albumentations

        policy: dict[str, Any] = albumentations.to_dict(self._pipeline)
        return policy


def compose(choices: Sequence[Choice], size: Size, seed: int) -> Policy:
    """Build the policy of an `augment` section. Raises ConfigError where the options of a transform do not fit together."""
    import albumentations

    known = registry.functions("transforms", "image")
    transforms = []
    for index, choice in enumerate(choices):
        try:
            transforms.append(known[choice.name](size, **choice.options))
        except ValueError as error:
            raise ConfigError(f"augment.{index}.{choice.name}: {error}") from error
    return Policy(albumentations.Compose(transforms), seed)


def load(policy: dict[str, Any], seed: int) -> Policy:
    """Build the policy that `Policy.serialise` wrote."""
    import albumentations

    _affine_class()  # so that albumentations knows its name
    try:
        return Policy(albumentations.from_dict(policy), seed)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArtifactError(
            f"policy.json is no policy that albumentations {albumentations.__version__} can read ({error}). "
            "Run the augment stage again."
        ) from error


def suggest(num_samples: int, *, image_size: int = 64) -> list[dict[str, Any]]:
    """Choose an `augment` section: the fewer photos, the stronger; no flips and only small moves for tiny pictures."""
    if image_size <= 32:
        return [{"affine": {"rotate": 12, "shift": 0.08, "scale": [0.9, 1.1]}}]
    smallest = 0.35 if num_samples < 5_000 else 0.5 if num_samples < 50_000 else 0.7
    return [
        {"random_resized_crop": {"scale": [smallest, 1.0]}},
        {"horizontal_flip": {"p": 0.5}},
        {"color_jitter": {"brightness": 0.3, "contrast": 0.3, "saturation": 0.3, "hue": 0.03}},
    ]


# ---- moving pixels ---------------------------------------------------------------------------------------------


@registry.offered
def horizontal_flip(size: Size, *, p: Probability = 0.5) -> Transform:
    """Swap left and right. Not for letters, digits and other things that have a handedness."""
    import albumentations

    return albumentations.HorizontalFlip(p=p)


@registry.offered
def vertical_flip(size: Size, *, p: Probability = 0.5) -> Transform:
    """Swap top and bottom: for pictures from above or through a microscope."""
    import albumentations

    return albumentations.VerticalFlip(p=p)


@registry.offered
def quarter_turns(size: Size, *, p: Probability = 1.0) -> Transform:
    """Turn by 0, 90, 180 or 270 degrees: for pictures from above or through a microscope."""
    import albumentations

    if size[0] != size[1]:
        raise ValueError(f"the pictures are {size[0]} x {size[1]} px, but only a square keeps its shape when it is turned")
    return albumentations.RandomRotate90(p=p)


@registry.offered
def rotate(size: Size, *, limit: Degrees = 15.0, border: Border = "reflect", p: Probability = 1.0) -> Transform:
    """Turn by up to `limit` degrees either way."""
    return _affine_class()(rotate=limit, shift=0.0, scale=(1.0, 1.0), shear=0.0, border=border, p=p)


@registry.offered
def affine(
    size: Size,
    *,
    rotate: Degrees = 10.0,
    shift: Strength = 0.05,
    scale: tuple[Positive, Positive] = (0.9, 1.1),
    shear: Annotated[float, Field(ge=0, le=60)] = 0.0,
    border: Border = "black",
    p: Probability = 1.0,
) -> Transform:
    """Turn by up to `rotate` degrees, move by up to `shift` of the side, and zoom by a factor from `scale`."""
    _require_ordered("scale", scale)
    return _affine_class()(rotate=rotate, shift=shift, scale=scale, shear=shear, border=border, p=p)


@registry.offered
def random_resized_crop(
    size: Size,
    *,
    scale: tuple[Share, Share] = (0.5, 1.0),
    ratio: tuple[Positive, Positive] = (0.75, 1.333),
    p: Probability = 1.0,
) -> Transform:
    """Cut out a share from `scale` of the area, of an aspect from `ratio`, and enlarge it to the full size."""
    import albumentations

    _require_ordered("scale", scale)
    _require_ordered("ratio", ratio)
    return albumentations.RandomResizedCrop(size=size, scale=scale, ratio=ratio, p=p)


# ---- changing colours ------------------------------------------------------------------------------------------


@registry.offered
def color_jitter(
    size: Size,
    *,
    brightness: Strength = 0.2,
    contrast: Strength = 0.2,
    saturation: Strength = 0.2,
    hue: Annotated[float, Field(ge=0, le=0.5)] = 0.02,
    p: Probability = 0.8,
) -> Transform:
    """Change brightness, contrast, saturation (a factor of 1 +- the value) and hue (a share of the colour circle)."""
    import albumentations

    return albumentations.ColorJitter(
        brightness=(1 - brightness, 1 + brightness),
        contrast=(1 - contrast, 1 + contrast),
        saturation=(1 - saturation, 1 + saturation),
        hue=(-hue, hue),
        p=p,
    )


@registry.offered
def gaussian_noise(size: Size, *, std: tuple[Strength, Strength] = (0.02, 0.08), p: Probability = 0.3) -> Transform:
    """Add noise whose deviation is from `std`, where 1 is the full range of a pixel."""
    import albumentations

    _require_ordered("std", std)
    return albumentations.GaussNoise(std_range=std, p=p)


@registry.offered
def gaussian_blur(size: Size, *, sigma: tuple[Positive, Positive] = (0.3, 1.0), p: Probability = 0.2) -> Transform:
    """Blur with a deviation from `sigma`, in px."""
    import albumentations

    _require_ordered("sigma", sigma)
    return albumentations.GaussianBlur(sigma_limit=sigma, blur_limit=0, p=p)


@registry.offered
def random_erasing(size: Size, *, scale: tuple[Share, Share] = (0.02, 0.2), p: Probability = 0.3) -> Transform:
    """Blacken a rectangle that covers a share from `scale` of the picture."""
    import albumentations

    _require_ordered("scale", scale)
    return albumentations.Erasing(scale=scale, ratio=(0.5, 2.0), fill=0, p=p)


def _require_ordered(name: str, pair: tuple[float, float]) -> None:
    if pair[0] > pair[1]:
        raise ValueError(f"{name} is [{pair[0]:g}, {pair[1]:g}], but the smaller number must come first")


@functools.cache
def _affine_class() -> Any:
    """Define our affine transform, here because its base class takes 2 s to import.

    albumentations' own one cuts a shift to whole pixels, so that 8 % of 8 px would be no shift at all.
    """
    import albumentations
    import cv2

    borders = {"black": cv2.BORDER_CONSTANT, "edge": cv2.BORDER_REPLICATE, "reflect": cv2.BORDER_REFLECT_101}

    class SubPixelAffine(albumentations.ImageOnlyTransform):  # type: ignore[misc]
        def __init__(
            self, rotate: float, shift: float, scale: tuple[float, float], shear: float, border: Border, p: float
        ) -> None:
            super().__init__(p=p)
            self.rotate, self.shift, self.scale, self.shear, self.border = rotate, shift, scale, shear, border

        def get_params(self) -> dict[str, float]:
            draw = self.py_random.uniform
            return {
                "angle": draw(-self.rotate, self.rotate),
                "zoom": draw(*self.scale),
                "slant": draw(-self.shear, self.shear),
                "right": draw(-self.shift, self.shift),
                "down": draw(-self.shift, self.shift),
            }

        def apply(
            self, img: NDArray[np.uint8], *, angle: float, zoom: float, slant: float, right: float, down: float, **_: Any
        ) -> NDArray[np.uint8]:
            height, width = img.shape[:2]
            matrix = affine_matrix((height, width), angle, zoom, slant, (right * width, down * height))
            moved: NDArray[Any] = cv2.warpAffine(img, matrix, (width, height), borderMode=borders[self.border])
            return moved.reshape(img.shape)  # [H, W] -> [H, W, 1] where there is one channel

        def get_transform_init_args_names(self) -> tuple[str, ...]:
            return ("rotate", "shift", "scale", "shear", "border")

    return SubPixelAffine


def affine_matrix(size: Size, angle: float, zoom: float, slant: float, shift_px: tuple[float, float]) -> NDArray[np.float64]:
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
