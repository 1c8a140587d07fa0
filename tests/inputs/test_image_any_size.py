"""A picture of any size becomes inside an exported model what `clean` would have stored of it."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from dl_assets.inputs._image import any_size
from dl_assets.inputs._image.square import SQUARES

SIZES = [(100, 80), (80, 100), (300, 90), (90, 300), (30, 200), (37, 41), (65, 64), (64, 63), (257, 129), (500, 500)]
SMALLEST = [(1, 1), (1, 300), (300, 1), (2, 3)]
IDENTITY = "front (uint8[batch,64,64,{0}] stored) => (uint8[batch,64,64,{0}] same) {{ same = Identity(stored) }}"


def front(fit: str, channels: int = 3) -> Any:
    """Ask a model that answers with its own input what it is given."""
    model = onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["" : 20]> {IDENTITY.format(channels)}')
    joined = any_size.front(model, (64, 64, channels), {"fit": fit})
    onnx.checker.check_model(joined, full_check=True)
    session = onnxruntime.InferenceSession(joined.SerializeToString(), providers=["CPUExecutionProvider"])
    return lambda pictures: session.run(["same"], {"image": pictures})[0]


def noise(number: int, height: int, width: int, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (number, height, width, channels), dtype=np.uint8)


@pytest.mark.parametrize("fit", SQUARES)
def test_every_size_is_resized_as_clean_does_it_to_within_two_levels(fit: str) -> None:
    ask = front(fit)
    for height, width in (*SIZES, *SMALLEST):
        pictures = noise(2, height, width)
        expected = np.stack([SQUARES[fit](picture, 64) for picture in pictures]).astype(np.int16)
        apart = np.abs(ask(pictures) - expected)
        assert apart.max() <= 2 and (apart > 0).mean() < 0.1, (height, width)


@pytest.mark.parametrize("fit", SQUARES)
@pytest.mark.parametrize("channels", [1, 3])
def test_the_stored_size_is_left_as_it_is(fit: str, channels: int) -> None:
    pictures = noise(3, 64, 64, channels)
    assert np.array_equal(front(fit, channels)(pictures), pictures)


def test_names_inside_the_model_may_be_those_of_the_front() -> None:
    text = '<ir_version: 10, opset_import: ["" : 20]> network (uint8[batch,64,64,3] image) => (uint8[batch,64,64,3] same)'
    model = onnx.parser.parse_model(text + " { height = Identity(image) same = Identity(height) }")
    joined = any_size.front(model, (64, 64, 3), {"fit": "pad"})
    assert ([one.name for one in joined.graph.input], [one.name for one in joined.graph.output]) == (["image"], ["same"])
    onnx.checker.check_model(joined, full_check=True)
