import json
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from dl_assets import registry
from dl_assets.config import Choice
from dl_assets.errors import ArtifactError, ConfigError
from dl_assets.transforms import image as transforms

NAMES = sorted(registry.functions("transforms", "image"))


def choice(name: str, **options: Any) -> Choice:
    """A choice as the config makes it: options validated, defaults filled in."""
    model = registry.options_of(registry.functions("transforms", "image")[name])
    return Choice(name, dict(model.model_validate_json(json.dumps(options), strict=True)))


def policy(*choices: Choice, size: tuple[int, int] = (16, 16), seed: int = 1) -> transforms.Policy:
    return transforms.compose(choices, size, seed)


def noise(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("shape", [(8, 8, 1), (8, 8, 3), (40, 40, 1), (40, 40, 3)])
@pytest.mark.parametrize("name", NAMES)
def test_every_transform_keeps_shape_and_type_and_changes_something(name: str, shape: tuple[int, int, int]) -> None:
    original = noise(*shape)
    apply = policy(choice(name, p=1.0), size=shape[:2])
    results = [apply(original) for _ in range(8)]
    assert all(result.shape == shape and result.dtype == np.uint8 for result in results)
    assert any(not np.array_equal(result, original) for result in results)


@pytest.mark.parametrize("name", NAMES)
def test_every_transform_does_the_same_after_a_way_through_json(name: str) -> None:
    original = noise(16, 16, 3)
    before = policy(choice(name, p=1.0), seed=5)
    after = transforms.load(json.loads(json.dumps(before.serialise(), allow_nan=False)), seed=5)
    for _ in range(5):
        np.testing.assert_array_equal(before(original), after(original))


@pytest.mark.parametrize("name", NAMES)
def test_no_transform_writes_into_its_input(name: str) -> None:
    original = noise(16, 16, 3)
    original.setflags(write=False)
    policy(choice(name, p=1.0))(original)
    np.testing.assert_array_equal(original, noise(16, 16, 3))


def test_the_seed_decides() -> None:
    def results(seed: int) -> NDArray[np.uint8]:
        apply = policy(choice("affine"), choice("color_jitter", p=1.0), seed=seed)
        return np.stack([apply(noise(16, 16, 3)) for _ in range(4)])

    np.testing.assert_array_equal(results(1), results(1))
    assert not np.array_equal(results(1), results(2))


def test_no_transforms_change_nothing() -> None:
    np.testing.assert_array_equal(policy()(noise(8, 8, 1)), noise(8, 8, 1))
    np.testing.assert_array_equal(transforms.load(policy().serialise(), 1)(noise(8, 8, 1)), noise(8, 8, 1))


def test_a_small_shift_of_a_tiny_picture_is_not_cut_to_whole_pixels() -> None:
    dot = np.zeros((8, 8, 1), np.uint8)
    dot[3:5, 3:5] = 200
    apply = policy(choice("affine", rotate=0, shift=0.08, scale=[1.0, 1.0]), size=(8, 8))
    columns = np.arange(8)
    centers = [float((result.sum(axis=0)[:, 0] * columns).sum() / result.sum()) for result in (apply(dot) for _ in range(400))]
    assert abs(np.mean(centers) - 3.5) < 0.05 and 0.3 < np.std(centers) < 0.45 and max(centers) < 3.5 + 0.64 + 0.05


def test_the_affine_map_is_that_of_opencv() -> None:
    ours = transforms.affine_matrix((20, 30), angle=25.0, zoom=1.3, slant=0.0, shift_px=(2.0, -1.0))
    theirs = cv2.getRotationMatrix2D((14.5, 9.5), -25.0, 1.3)
    np.testing.assert_allclose(ours, theirs + np.array([[0, 0, 2.0], [0, 0, -1.0]]))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("affine", {"scale": [1.2, 0.8]}, r"augment\.0\.affine: scale is \[1\.2, 0\.8\].*smaller number must come first"),
        ("random_resized_crop", {"ratio": [2.0, 0.5]}, r"augment\.0\.random_resized_crop: ratio is \[2, 0\.5\]"),
    ],
)
def test_options_that_do_not_fit_together_name_the_transform(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        policy(choice(name, **options))


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"quarter_turns"}))
def test_pictures_need_not_be_square(name: str) -> None:
    assert policy(choice(name, p=1.0), size=(12, 20))(noise(12, 20, 3)).shape == (12, 20, 3)


def test_quarter_turns_need_a_square() -> None:
    with pytest.raises(ConfigError, match=r"augment\.0\.quarter_turns: the pictures are 12 x 20 px"):
        policy(choice("quarter_turns"), size=(12, 20))


def test_a_broken_policy_says_what_to_run() -> None:
    with pytest.raises(ArtifactError, match="Run the augment stage again"):
        transforms.load({"transform": {"__class_fullname__": "Gone", "p": 1.0}}, 1)


@pytest.mark.parametrize(("num_samples", "image_size"), [(700, 80), (10_000, 80), (100_000, 80), (1_000, 8)])
def test_what_is_suggested_can_be_used(num_samples: int, image_size: int) -> None:
    suggested = transforms.suggest(num_samples, image_size=image_size)
    apply = policy(*(choice(name, **options) for entry in suggested for name, options in entry.items()), size=(image_size,) * 2)
    assert apply(noise(image_size, image_size, 3)).shape == (image_size, image_size, 3)
