from io import BytesIO
from typing import Any

import numpy as np
import pytest
from inputs.pictures import encoded, noise, photo
from PIL import Image, ImageEnhance, ImageFilter
from scipy.fft import dctn
from scipy.ndimage import laplace

from dl_assets.inputs import image as inputs


def measured(picture: Image.Image, **options: Any) -> dict[str, Any]:
    return inputs.clean(encoded(picture), **options)[1]


def distance(first: Image.Image, second: Image.Image) -> int:
    return (measured(first)["hash"] ^ measured(second)["hash"]).bit_count()


# ---- brightness, contrast, sharpness ---------------------------------------------------------------------------


def test_half_black_and_half_white_has_brightness_and_contrast_one_half() -> None:
    picture = Image.new("RGB", (300, 200), "white")
    picture.paste("black", (0, 0, 150, 200))
    extra = measured(picture)
    assert extra["brightness"] == pytest.approx(0.5, abs=0.01) and extra["contrast"] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_below_128_px_is_measured_pixel_by_pixel(channels: int) -> None:
    picture = noise(100, 80, channels)
    grey = np.asarray(picture.convert("L"), np.float64)
    extra = measured(picture, channels=channels)
    assert extra["brightness"] == pytest.approx(grey.mean() / 255, abs=0.002)
    assert extra["contrast"] == pytest.approx(grey.std() / 255, rel=0.005)
    assert extra["sharpness"] == pytest.approx(laplace(grey, mode="mirror").var() / grey.var(), rel=0.01)


def test_what_is_measured_depends_on_neither_the_stored_size_nor_the_file() -> None:
    large = photo(1027, 771)
    reference = measured(large)
    payload = encoded(large, "JPEG", quality=95, subsampling=0)
    for options in ({"image_size": 8}, {"image_size": 400}, {"fit": "crop"}, {"channels": 1}):
        extra = inputs.clean(payload, **options)[1]
        assert extra["brightness"] == pytest.approx(reference["brightness"], abs=0.005)
        assert extra["contrast"] == pytest.approx(reference["contrast"], rel=0.02)
        assert extra["sharpness"] == pytest.approx(reference["sharpness"], rel=0.05)
        assert (extra["hash"] ^ reference["hash"]).bit_count() <= 4
        assert (extra["width"], extra["height"]) == (1027, 771)


def test_blur_makes_a_picture_less_sharp_and_little_light_does_not() -> None:
    sharp = photo()
    sharpness = [measured(sharp.filter(ImageFilter.GaussianBlur(radius)))["sharpness"] for radius in (0, 2, 4, 8)]
    assert sharpness == sorted(sharpness, reverse=True) and sharpness[-1] < sharpness[0] / 10
    assert measured(ImageEnhance.Brightness(sharp).enhance(0.2))["sharpness"] > 0.8 * sharpness[0]


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (500, 300)])
def test_one_colour_has_no_contrast_and_no_sharpness(size: tuple[int, int]) -> None:
    extra = measured(Image.new("L", size, 51))
    assert (extra["brightness"], extra["contrast"], extra["sharpness"]) == (0.2, 0, 0)


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 2), (4, 4), (8, 8), (129, 3)])
def test_pictures_of_any_shape_can_be_measured(size: tuple[int, int]) -> None:
    extra = measured(noise(*size))
    assert all(np.isfinite(value) for value in extra.values()) and 0 <= extra["hash"] < 2**63


# ---- hash ------------------------------------------------------------------------------------------------------


def test_the_hash_has_a_bit_for_each_low_frequency_above_the_median() -> None:
    picture = noise(32, 32, 1)
    coefficients = dctn(np.asarray(picture, np.float64))[:8, :8].ravel()[1:]
    bits = coefficients > np.median(coefficients)
    assert measured(picture, channels=1)["hash"] == int("".join(str(int(bit)) for bit in bits), 2)


def test_photos_that_look_alike_have_hashes_that_are_alike() -> None:
    first = photo(500, 375)
    for changed in (
        Image.open(BytesIO(encoded(first, "JPEG", quality=30))),
        first.resize((250, 187)),
        first.resize((333, 250)),
        first.convert("L"),
        ImageEnhance.Brightness(first).enhance(0.7),
        first.crop((3, 2, 497, 373)),
    ):
        assert distance(first, changed) <= 8
    assert distance(first, first.transpose(Image.Transpose.FLIP_LEFT_RIGHT)) > 16
    assert distance(first, noise(500, 375)) > 16


def test_the_hash_is_that_of_the_upright_picture() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    upright = photo(120, 90)
    stored = upright.transpose(Image.Transpose.ROTATE_90)
    assert inputs.clean(encoded(stored, exif=exif))[1]["hash"] == measured(upright)["hash"]
