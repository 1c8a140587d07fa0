"""What augmentation costs per picture, which is paid in every epoch."""

from pathlib import Path
from typing import Any

import albumentations
import numpy as np
import pytest
from benchmarks.photos import pictures
from benchmarks.side_by_side import cpu_seconds, show

from dl_assets.config import Pipeline
from dl_assets.transforms import image as transforms

COUNT = 256


def ours(augment: list[dict[str, Any]], size: int) -> transforms.Policy:
    pipeline = Pipeline(Path("pipelines/bench.yaml"), {"task": "image_classification", "augment": augment})
    return transforms.compose(pipeline.augment, (size, size), seed=17)


@pytest.mark.parametrize("size", [8, 64])
def test_a_policy(size: int) -> None:
    arrays = list(pictures(COUNT, size, size))
    affine = ours([{"affine": {"rotate": 12, "shift": 0.08, "scale": [0.9, 1.1]}}], size)
    suggested = ours(transforms.suggest(1_000, image_size=size), size)
    theirs = albumentations.Compose(
        [albumentations.Affine(rotate=(-12, 12), translate_percent=(-0.08, 0.08), scale=(0.9, 1.1), p=1.0)], seed=17
    )
    seconds = cpu_seconds(
        {
            "our affine, which moves by fractions of a pixel": lambda: [affine(array) for array in arrays],
            "albumentations.Affine, which moves by whole pixels": lambda: [theirs(image=np.array(array)) for array in arrays],
            "the policy that `dl new` suggests": lambda: [suggested(array) for array in arrays],
        }
    )
    show(f"Augmenting pictures of {size} px", seconds, count=COUNT, unit="picture")
