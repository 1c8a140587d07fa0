"""Each check finds what it is there for, and leaves good pictures alone."""

import inspect
from typing import Any

import numpy as np
import polars as pl
import pytest
from inputs.pictures import CATS_DOGS, encoded, needs_cats_dogs, noise, photo
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter
from sklearn.datasets import load_digits

from dl_assets import registry
from dl_assets.inputs import image as inputs

CHECKS = ("too_small", "aspect_ratio", "uniform", "exposure", "blurred")  # those that need nothing but what is measured
GOOD: dict[str, Any] = {"width": 500, "height": 375, "brightness": 0.5, "contrast": 0.2, "sharpness": 0.5}


def find(name: str, samples: pl.DataFrame, **options: Any) -> dict[str, str]:
    found = registry.find("checks", name)(samples, **options)
    assert found.columns == ["id", "detail"]
    return dict(found.rows())


def table(*measures: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([{"id": f"sample {index}", **GOOD, **measure} for index, measure in enumerate(measures)])


def cleaned(*payloads: bytes) -> pl.DataFrame:
    return table(*(inputs.clean(payload)[1] for payload in payloads))


def findings(*pictures: Image.Image) -> set[str]:
    samples = cleaned(*map(encoded, pictures))
    return {name for name in CHECKS if find(name, samples)}


# ---- thresholds ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "measures", "options", "detail"),
    [
        ("too_small", [{"height": 8}, {"height": 7}], {}, "500 x 7 px (min_side is 8)"),
        ("too_small", [{}, {"width": 5}], {"min_side": 300}, "5 x 375 px (min_side is 300)"),
        ("aspect_ratio", [{"width": 1875}, {"width": 2000}], {}, "2000 x 375 px, ratio 5.33 (max_aspect_ratio is 5.0)"),
        ("aspect_ratio", [{}, {"width": 90}], {"max_aspect_ratio": 2}, "90 x 375 px, ratio 4.17 (max_aspect_ratio is 2)"),
        ("uniform", [{"contrast": 0.01}, {"contrast": 0.00412}], {}, "contrast 0.00412 (min_contrast is 0.01)"),
        (
            "exposure",
            [{"brightness": 0.05, "contrast": 0.08}, {"brightness": 0.05, "contrast": 0.06}],
            {},
            "too dark: highlights 0.17 (min_highlights is 0.2)",
        ),
        (
            "exposure",
            [{"brightness": 0.95, "contrast": 0.08}, {"brightness": 0.95, "contrast": 0.06}],
            {},
            "too bright: shadows 0.83 (max_shadows is 0.8)",
        ),
        ("blurred", [{"sharpness": 0.025}, {"sharpness": 0.012}], {}, "sharpness 0.012 (min_sharpness is 0.025)"),
    ],
)
def test_the_second_sample_is_found_and_told_with_its_value(
    name: str, measures: list[dict[str, Any]], options: dict[str, Any], detail: str
) -> None:
    assert find(name, table(*measures), **options) == {"sample 1": detail}


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_takes_a_table_without_samples(name: str) -> None:
    assert find(name, table({}).clear()) == {}


def test_no_two_checks_share_an_option_and_every_one_says_what_becomes_of_the_samples() -> None:
    checks = [registry.find("checks", name) for name in CHECKS]
    options = [name for check in checks for name in list(inspect.signature(check).parameters)[1:]]
    assert len(set(options)) == len(options)
    assert {check.default_action for check in checks} <= {"reject", "flag", "off"}
    assert set(CHECKS) <= set(inputs.CHECKS)


# ---- pictures --------------------------------------------------------------------------------------------------


def test_a_good_picture_is_found_by_no_check() -> None:
    assert findings(photo(), photo(80, 60), noise(8, 8), noise(32, 32)) == set()


def test_a_picture_of_few_pixels_is_too_small() -> None:
    assert findings(noise(20, 7)) == {"too_small"}


def test_a_strip_has_an_extreme_aspect_ratio() -> None:
    assert findings(noise(200, 30)) == {"aspect_ratio"}


@pytest.mark.parametrize("grey", [60, 128, 200])
def test_grain_on_one_colour_is_uniform(grey: int) -> None:
    grain = np.random.default_rng(0).normal(grey, 6, (300, 400, 1)).astype(np.uint8)
    assert "uniform" in findings(Image.fromarray(np.repeat(grain, 3, axis=-1)))


def test_a_photo_that_is_nearly_black_or_nearly_white_is_badly_exposed() -> None:
    dark = ImageEnhance.Brightness(photo()).enhance(0.1)
    assert findings(dark) == {"exposure"}
    assert findings(Image.eval(dark, lambda value: 255 - value)) == {"exposure"}


def test_dark_and_bright_grounds_with_something_on_them_are_well_exposed() -> None:
    page = Image.new("L", (400, 500), 255)
    ImageDraw.Draw(page).multiline_text((40, 40), "a page of text\n" * 12, fill=0, font_size=26)
    assert findings(page) == set()
    assert findings(Image.eval(page, lambda value: 255 - value)) == set()


def test_a_photo_out_of_focus_is_blurred() -> None:
    assert findings(photo().filter(ImageFilter.GaussianBlur(8))) == {"blurred"}


# ---- real data -------------------------------------------------------------------------------------------------


def test_no_digit_of_8_px_is_found_by_any_check() -> None:
    digits = load_digits().images[::3]
    samples = cleaned(*(encoded(Image.fromarray((digit * (255 / 16)).astype(np.uint8))) for digit in digits))
    assert {name: find(name, samples) for name in CHECKS} == {name: {} for name in CHECKS}


@needs_cats_dogs
def test_no_good_photo_is_found_by_any_check_and_blurred_ones_are() -> None:
    paths = sorted(CATS_DOGS.glob("*/*.jpg"))[::10]
    samples = cleaned(*(path.read_bytes() for path in paths))
    assert {name: find(name, samples) for name in CHECKS} == {name: {} for name in CHECKS}
    blurred = cleaned(*(encoded(Image.open(path).filter(ImageFilter.GaussianBlur(8)), "BMP") for path in paths))
    assert len(find("blurred", blurred)) > 0.95 * len(paths)
