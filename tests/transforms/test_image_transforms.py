import json
import pickle
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import albumentations
import cv2
import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from dl_assets.artifacts.shards import ArrayWriter, JpegWriter, open_arrays
from dl_assets.config import Choice
from dl_assets.errors import ArtifactError
from dl_assets.transforms import image as transforms
from dl_assets.transforms._image.affine import affine_matrix
from dl_assets.transforms._image.draws import Draws
from dl_assets.transforms._policy.keys import keys_of, numbers_of

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # advice of albumentations to people who write Python

# What has no default, and what by default asks for more than a picture of 40 x 40 px has.
NEEDED: dict[str, dict[str, Any]] = {
    "Crop": {"x_max": 40, "y_max": 40},
    "CropAndPad": {"px": 2},
    "GridElasticDeform": {"num_grid_xy": [3, 3], "magnitude": 4},
    "LongestMaxSize": {"max_size": 40},
    "PadIfNeeded": {"min_height": 40, "min_width": 40},
    "RandomSizedCrop": {"min_max_height": [20, 40]},
    "SmallestMaxSize": {"max_size": 40},
    "OneOf": {"transforms": [{"Blur": {}}, {"GaussNoise": {}}]},
    "SomeOf": {"transforms": [{"Blur": {}}, {"GaussNoise": {}}], "n": 2},
    "Sequential": {"transforms": [{"Blur": {}}, {"GaussNoise": {}}]},
}
OURS = {"SubPixelAffine", "HorizontalFlip", "VerticalFlip", "RandomCrop", "CenterCrop"}  # the latter where they come first
RANDOM_SIZE = {"RandomCropFromBorders", "RandomScale"}


def policy(*choices: Choice, shape: tuple[int, int, int] = (16, 16, 3)) -> transforms.Policy:
    return transforms.compose(choices, shape)


def noise(*shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def keys(count: int, epoch: int = 0, seed: int = 17) -> NDArray[np.uint64]:
    return keys_of(numbers_of(f"sample{index}" for index in range(count)), seed=seed, epoch=epoch)


def generators(key: int) -> tuple[np.random.Generator, Draws]:
    """The random state that a policy gives to albumentations for this key."""
    bits, draws = np.random.PCG64(), Draws()
    bits.state = {**bits.state, "state": {"state": key << 64 | key, "inc": 1}}
    [first] = Draws.first(np.array([key], np.uint64))
    draws.begin(key, first)
    return np.random.Generator(bits), draws


# ---- every transform -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(set(transforms.offered()) - RANDOM_SIZE - {"TextImage"}))
def test_what_happens_to_a_sample_depends_on_its_key_alone(name: str) -> None:
    made = policy(Choice(name, NEEDED.get(name, {})), shape=(40, 40, 3))
    pictures, given = noise(4, 40, 40, 3), keys(4)
    pictures.setflags(write=False)
    together = made.batch(pictures, given)
    assert together.shape == (4, 40, 40, 3) and together.dtype == np.uint8
    again = transforms.load(json.loads(json.dumps(made.serialise(), allow_nan=False)))
    for index in (2, 0):
        np.testing.assert_array_equal(together[index], made.batch(pictures[[index]], given[[index]])[0])
        np.testing.assert_array_equal(together[index], again.batch(pictures[[index]], given[[index]])[0])
    np.testing.assert_array_equal(pictures, noise(4, 40, 40, 3))


def test_nearly_all_of_albumentations_is_offered() -> None:
    assert len(transforms.offered()) >= 95
    assert not {"Normalize", "ToTensorV2", "FDA", "MaskDropout", "CenterCrop3D", "Lambda"} & set(transforms.offered())


@pytest.mark.parametrize(
    "steps",
    [
        *([name] for name in sorted(set(transforms.offered()) - RANDOM_SIZE - OURS - {"TextImage", *transforms.COMPOSITIONS})),
        ["RandomResizedCrop", "ColorJitter", "GaussNoise", "HorizontalFlip"],
        ["Affine", "Erasing", "CLAHE", "RandomSizedCrop", "Transpose"],
    ],
    ids="+".join,
)
def test_the_result_is_bit_for_bit_that_of_albumentations(steps: list[str]) -> None:
    ours = policy(*(Choice(name, NEEDED.get(name, {})) for name in steps), shape=(40, 40, 3))
    options = [step for entry in ours.serialise()["transforms"] for step in entry.items()]
    theirs = albumentations.Compose([getattr(albumentations, name)(**arguments) for name, arguments in options])
    pictures, given = noise(4, 40, 40, 3), keys(4)
    for picture, key, result in zip(pictures, given.tolist(), ours.batch(pictures, given), strict=True):
        theirs.set_random_state(*generators(key))
        np.testing.assert_array_equal(result, theirs(image=picture.copy(), force_apply=True)["image"])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("factor", [0.0, 0.3, 1.0, 1.7, 30.0])
@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation", "hue"])
def test_a_change_of_colour_is_that_of_albumentations_at_every_strength(name: str, factor: float, channels: int) -> None:
    neutral = {"brightness": [1.0, 1.0], "contrast": [1.0, 1.0], "saturation": [1.0, 1.0], "hue": [0.0, 0.0]}
    value = {0.3: -0.5, 1.0: 0.5, 1.7: -0.013, 30.0: 0.5 / 180}.get(factor, 0.0) if name == "hue" else factor
    options = neutral | {name: [value, value], "p": 1.0}
    picture = noise(40, 40, channels)
    [found] = policy(Choice("ColorJitter", options), shape=(40, 40, channels)).batch([picture], keys(1))
    expected = albumentations.ColorJitter(**options)(image=picture)["image"]
    np.testing.assert_array_equal(found, expected.reshape(found.shape))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ["HorizontalFlip", "VerticalFlip"])
def test_a_flip_in_the_middle_follows_the_draws_as_in_albumentations(name: str, channels: int) -> None:
    ours = policy(Choice("InvertImg", {"p": 1.0}), Choice(name, {"p": 0.5}), shape=(9, 7, channels))
    theirs = albumentations.Compose([albumentations.InvertImg(p=1.0), getattr(albumentations, name)(p=0.5)])
    pictures, given = noise(20, 9, 7, channels), keys(20)
    for picture, key, result in zip(pictures, given.tolist(), ours.batch(pictures, given), strict=True):
        theirs.set_random_state(*generators(key))
        np.testing.assert_array_equal(result, theirs(image=picture, force_apply=True)["image"].reshape(result.shape))


# ---- crops and flips, which are our own -------------------------------------------------------------------------


def crops(picture: NDArray[np.uint8], height: int, width: int) -> Iterator[NDArray[np.uint8]]:
    for top, left in product(range(picture.shape[0] - height + 1), range(picture.shape[1] - width + 1)):
        yield albumentations.Crop(left, top, left + width, top + height, p=1)(image=picture)["image"]


def flips(picture: NDArray[np.uint8], name: str) -> Iterator[NDArray[np.uint8]]:
    yield from (picture, getattr(albumentations, name)(p=1)(image=picture)["image"])


@pytest.mark.parametrize("channels", [1, 3])
def test_crops_and_flips_do_what_albumentations_can_do_and_all_of_it(channels: int) -> None:
    picture = noise(9, 8, channels)
    possible = [
        end.tobytes()
        for crop in crops(picture, 8, 6)
        for flipped in flips(crop, "HorizontalFlip")
        for middle in [albumentations.CenterCrop(5, 3)(image=flipped)["image"]]
        for end in flips(middle, "VerticalFlip")
    ]
    names = [("RandomCrop", 8, 6), ("HorizontalFlip",), ("CenterCrop", 5, 3), ("VerticalFlip",)]
    choices = [Choice(name, dict(zip(("height", "width"), size, strict=False))) for name, *size in names]
    made = policy(*choices, shape=(9, 8, channels))
    found = [result.tobytes() for result in made.batch([picture] * 2000, keys(2000))]
    assert made.shape == (5, 3, channels)
    assert set(found) == set(possible)
    times = [found.count(one) for one in set(possible)]
    assert len(possible) == len(set(possible)) == 24 and min(times) > 50 and max(times) < 120  # 83 expected


@pytest.mark.parametrize("side", [20, 200])
@pytest.mark.parametrize("name", ["HorizontalFlip", "VerticalFlip"])
def test_a_flip_of_any_size_is_that_of_albumentations(name: str, side: int) -> None:
    pictures = noise(2, side, side, 3)
    theirs = getattr(albumentations, name)(p=1.0)
    found = policy(Choice(name, {"p": 1.0}), shape=(side, side, 3)).batch(pictures, keys(2))
    np.testing.assert_array_equal(found, [theirs(image=picture)["image"] for picture in pictures])


def test_a_flip_of_p_happens_to_a_share_of_p() -> None:
    picture = noise(4, 4, 1)
    found = policy(Choice("HorizontalFlip", {"p": 0.2}), shape=(4, 4, 1)).batch([picture] * 4000, keys(4000))
    assert (found != picture).any(axis=(1, 2, 3)).mean() == pytest.approx(0.2, abs=0.03)


def test_what_comes_after_a_flip_does_not_depend_on_it() -> None:
    dark = np.zeros((2, 2, 1), np.uint8)
    dark[:, 0] = 1
    made = policy(Choice("HorizontalFlip", {}), Choice("InvertImg", {}), shape=(2, 2, 1))
    found = made.batch([dark] * 4000, keys(4000))
    bright = found.max(axis=(1, 2, 3)) > 100
    flipped = np.where(bright, found[:, 0, 0, 0] == 255, found[:, 0, 0, 0] == 0)
    assert np.abs(np.corrcoef(bright, flipped)[0, 1]) < 0.05
    assert bright.mean() == pytest.approx(0.5, abs=0.03) and flipped.mean() == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("names", [("HorizontalFlip", "RandomCrop"), ("RandomCrop", "Blur"), ("Blur", "RandomCrop")])
def test_a_batch_is_written_where_it_is_wanted(names: tuple[str, ...]) -> None:
    options = {"RandomCrop": {"height": 5, "width": 7}}
    made = policy(*(Choice(name, options.get(name, {})) for name in names), shape=(9, 9, 3))
    out = np.zeros((3, 5, 7, 3), np.uint8)
    assert made.batch(noise(3, 9, 9, 3), keys(3), out) is out
    np.testing.assert_array_equal(out, made.batch(noise(3, 9, 9, 3), keys(3)))


@pytest.mark.parametrize(
    "names", [("RandomCrop",), ("VerticalFlip", "HorizontalFlip"), ("RandomCrop", "HorizontalFlip", "Blur")]
)
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("writer", [ArrayWriter, partial(JpegWriter, quality=90)])
def test_how_pictures_are_stored_changes_nothing(tmp_path: Path, writer: Any, channels: int, names: tuple[str, ...]) -> None:
    with writer(tmp_path, max_shard_bytes=1000) as opened:
        places = [opened.write(picture) for picture in noise(10, 20, 17, channels)]
    arrays = open_arrays(tmp_path, pl.DataFrame(places, schema=["shard", "row"], orient="row"))
    assert len(list(tmp_path.iterdir())) > 2
    options = {"RandomCrop": {"height": 13, "width": 11}}
    made = policy(*(Choice(name, options.get(name, {})) for name in names), shape=(20, 17, channels))
    indices = np.array([9, 0, 4, 4, 7, 2])
    found = made.batch(arrays.each(indices), keys(6))
    np.testing.assert_array_equal(found, made.batch([arrays[index] for index in indices.tolist()], keys(6)))


def test_a_view_is_cropped_as_what_it_shows() -> None:
    made, pictures = policy(Choice("RandomCrop", {"height": 5, "width": 7}), shape=(9, 8, 3)), noise(4, 30, 30, 3)
    views = [picture[1:19:2, 28:12:-2] for picture in pictures]
    np.testing.assert_array_equal(made.batch(views, keys(4)), made.batch(np.array(views), keys(4)))


def test_too_few_pictures_are_noticed() -> None:
    with pytest.raises(ValueError, match="shorter"):
        policy(Choice("HorizontalFlip", {})).batch(noise(2, 16, 16, 3), keys(3))


# ---- random numbers --------------------------------------------------------------------------------------------


def test_seed_epoch_and_sample_each_change_the_result() -> None:
    picture, made = noise(16, 16, 3), policy(Choice("SubPixelAffine", {}))

    def result(sample: str, seed: int, epoch: int) -> bytes:
        return made.batch([picture], keys_of(numbers_of([sample]), seed=seed, epoch=epoch)).tobytes()

    assert len({result(sample, seed, epoch) for sample, seed, epoch in product("ab", (1, 2), (1, 2))}) == 8
    assert result("a", 1, 2) == result("a", 1, 2)


def test_a_seed_makes_the_same_pixels_in_every_version() -> None:
    choices = [Choice("VerticalFlip", {}), Choice("RandomCrop", {"height": 15, "width": 19}), Choice("HorizontalFlip", {})]
    pictures = np.arange(50 * 20 * 24 * 3).astype(np.uint8).reshape(50, 20, 24, 3)
    found = policy(*choices, shape=(20, 24, 3)).batch(pictures, keys(50, epoch=3))
    assert sha256(found).hexdigest() == "467c168710d0619cd041d7f8f9f5549893de6819f82096e1f55d5a952bd16fa1"


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_crops_and_mirrors_alike() -> None:
    made = policy(Choice("RandomCrop", {"height": 9, "width": 9}), Choice("HorizontalFlip", {}))
    here = made.batch(noise(5, 16, 16, 3), keys(5))
    with get_context("fork").Pool(1) as pool:
        np.testing.assert_array_equal(pool.apply(made.batch, (noise(5, 16, 16, 3), keys(5))), here)


def test_a_policy_survives_the_way_into_another_process() -> None:
    made = policy(Choice("RandomCrop", {"height": 9, "width": 9}), Choice("ColorJitter", {"p": 1.0}))
    sent = pickle.loads(pickle.dumps(made))
    np.testing.assert_array_equal(made.batch(noise(5, 16, 16, 3), keys(5)), sent.batch(noise(5, 16, 16, 3), keys(5)))


# ---- presets ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(8, 8, 1), (40, 40, 3), (30, 50, 1)])
@pytest.mark.parametrize("name", transforms.PRESETS)
def test_a_preset_suits_every_picture_and_changes_most(name: str, shape: tuple[int, int, int]) -> None:
    made = policy(*(Choice(*step) for step in transforms.PRESETS[name](shape[:2])), shape=shape)
    original = noise(*shape)
    results = made.batch([original] * 20, keys(20))
    assert results.shape[1:] == ((shape[0] * 7 // 8, shape[1] * 7 // 8, shape[2]) if name == "light" else shape)
    assert len({result.tobytes() for result in results}) >= 6


def test_the_preset_for_digits_mirrors_nothing() -> None:
    corner = np.zeros((8, 8, 1), np.uint8)
    corner[1:4, 1:4] = 255
    made = policy(*(Choice(*step) for step in transforms.PRESETS["digits"]((8, 8))), shape=(8, 8, 1))
    results = made.batch([corner] * 50, keys(50)).astype(int)
    assert all(result[:4, :4].sum() > result[4:].sum() + result[:, 4:].sum() for result in results)


@pytest.mark.parametrize("num_samples", [700, 10_000, 100_000])
def test_what_is_suggested_can_be_used(num_samples: int) -> None:
    suggested = transforms.suggest(num_samples, image_size=80)
    choices = [Choice(name, options) for entry in suggested["transforms"] for name, options in entry.items()]
    assert policy(*choices, shape=(80, 80, 3)).shape == (80, 80, 3)


def test_nothing_is_mirrored_where_the_pictures_are_tiny_and_grey() -> None:
    assert transforms.suggest(1_000, image_size=8, channels=1) == "digits"
    assert transforms.suggest(1_000, image_size=8, channels=3) == {"preset": "light", "test_time": "flip"}


def test_no_transforms_change_nothing() -> None:
    np.testing.assert_array_equal(policy().batch(noise(2, 16, 16, 3), keys(2)), noise(2, 16, 16, 3))


# ---- our affine ------------------------------------------------------------------------------------------------


def test_a_small_shift_of_a_tiny_picture_is_not_cut_to_whole_pixels() -> None:
    dot = np.zeros((8, 8, 1), np.uint8)
    dot[3:5, 3:5] = 200
    made = policy(Choice("SubPixelAffine", {"rotate": 0.0, "shift": 0.08, "scale": [1.0, 1.0]}), shape=(8, 8, 1))
    results, columns = made.batch([dot] * 400, keys(400)), np.arange(8)
    centers = [float((result.sum(axis=0)[:, 0] * columns).sum() / result.sum()) for result in results]
    assert abs(np.mean(centers) - 3.5) < 0.05 and 0.3 < np.std(centers) < 0.45 and max(centers) < 3.5 + 0.64 + 0.05


def test_the_affine_map_is_that_of_opencv() -> None:
    ours = affine_matrix((20, 30), angle=25.0, zoom=1.3, slant=0.0, shift_px=(2.0, -1.0))
    theirs = cv2.getRotationMatrix2D((14.5, 9.5), -25.0, 1.3)
    np.testing.assert_allclose(ours, theirs + np.array([[0, 0, 2.0], [0, 0, -1.0]]))


# ---- what is refused, and what is filled in ---------------------------------------------------------------------


def test_a_size_that_is_left_out_is_that_of_the_pictures() -> None:
    made = policy(Choice("RandomResizedCrop", {}), Choice("Resize", {}), shape=(12, 20, 3))
    stored = made.serialise()["transforms"]
    assert stored[0]["RandomResizedCrop"]["size"] == [12, 20]
    assert (stored[1]["Resize"]["height"], stored[1]["Resize"]["width"]) == (12, 20)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("Normalize", {}, r"makes float32 \(ndarray\) of the pixels, .* normalisation is inside the model\. Delete it"),
        ("ToTensorV2", {}, r"makes torch.uint8 \(Tensor\) of the pixels"),
        ("FDA", {}, "needs fda_metadata beside the picture, which a policy has not"),
        ("BBoxSafeRandomCrop", {}, "cannot change a picture of 16 x 16 px with 3 channels .*'bboxes'"),
        ("RandomCrop", {"height": 17, "width": 4}, r"cannot change a picture .*\(17, 4\) vs \(16, 16\)"),
        ("RandomScale", {}, "makes pictures of random sizes .* a batch needs one size"),
        ("RandomCrop", {"height": 9, "width": 9, "p": 0.5}, "has p 0.5, so that it changes the size of some pictures only"),
        ("PadIfNeeded", {"min_height": 20, "min_width": 16}, "makes pictures of 20 x 16 px out of 16 x 16, .*clean.image_size"),
        ("Resize", {"height": 8, "width": 8}, "makes pictures of 8 x 8 px out of 16 x 16, .* Set clean.image_size"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_remedy(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(transforms.PolicyError, match=message) as error:
        policy(Choice("Blur", {}), Choice(name, options))
    assert error.value.index == 1


def test_a_random_size_may_lie_in_between() -> None:
    made = policy(Choice("RandomScale", {"scale_limit": [0.0, 0.5], "p": 1.0}), Choice("RandomCrop", {}))
    assert made.batch(noise(8, 16, 16, 3), keys(8)).shape == (8, 16, 16, 3)


def test_colours_are_not_asked_of_grey_pictures() -> None:
    with pytest.raises(transforms.PolicyError, match=r"cannot change a picture of 16 x 16 px with 1 channel \(.*3-channel"):
        policy(Choice("ISONoise", {}), shape=(16, 16, 1))


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"transforms": [{"Gone": {}}], "stored": [8, 8, 1], "shape": [8, 8, 1]},
        {"transforms": [{"Blur": {"blur_limit": "a"}}], "stored": [8, 8, 1], "shape": [8, 8, 1]},
    ],
)
def test_a_broken_policy_says_what_to_run(broken: dict[str, Any]) -> None:
    with pytest.raises(ArtifactError, match="Run the augment stage again"):
        transforms.load(broken)
