import subprocess
import sys
from io import BytesIO
from typing import Any

import numpy as np
import pytest
import torch
from inputs.pictures import encoded, noise, photo
from numpy.typing import NDArray
from PIL import Image

from dl_assets.inputs import image as inputs
from dl_assets.inputs._image.square import SQUARES


def decoded(payload: bytes, **options: Any) -> NDArray[np.uint8]:
    return inputs.clean(payload, **{"image_size": 16, **options})[0]


HALVES = Image.fromarray(np.repeat(np.array([[250, 10]], np.uint8), 16, axis=1).repeat(24, axis=0))  # left bright, right dark


# ---- what is fine ----------------------------------------------------------------------------------------------


def test_a_picture_of_the_right_size_keeps_every_pixel() -> None:
    picture = noise(16, 16, 1)
    np.testing.assert_array_equal(decoded(encoded(picture), channels=1)[..., 0], np.asarray(picture))


def test_the_size_in_the_table_is_that_of_the_original() -> None:
    array, extra = inputs.clean(encoded(noise(48, 32)), image_size=16)
    assert array.shape == (16, 16, 3) and array.dtype == np.uint8 and (extra["width"], extra["height"]) == (48, 32)


@pytest.mark.parametrize("quality", [60, 95])
@pytest.mark.parametrize(("channels", "mode"), [(3, "RGB"), (1, "L")])
def test_a_large_jpeg_is_resized_as_pillow_does_it_at_full_size(quality: int, channels: int, mode: str) -> None:
    payload = encoded(photo(900, 600), "JPEG", quality=quality)
    reference = Image.open(BytesIO(payload)).convert(mode).resize((80, 80), Image.Resampling.BILINEAR)
    array = decoded(payload, image_size=80, channels=channels)
    assert np.abs(array.astype(np.float64) - np.asarray(reference).reshape(array.shape)).mean() < 1


@pytest.mark.parametrize("size", [(100, 75), (75, 100), (61, 200), (40, 30), (40, 200), (200, 40), (64, 90)])
@pytest.mark.parametrize("channels", [1, 3])
def test_resizing_differs_from_pillows_by_one_level_at_most(size: tuple[int, int], channels: int) -> None:
    picture = noise(*size, channels)
    reference = np.asarray(picture.resize((64, 64), Image.Resampling.BILINEAR)).reshape(64, 64, channels).astype(np.int16)
    difference = np.abs(decoded(encoded(picture), image_size=64, channels=channels) - reference)
    assert difference.max() <= 1 and difference.mean() < 0.02


@pytest.mark.parametrize("size", [(100, 75), (75, 100), (61, 200), (40, 30), (200, 40), (64, 90)])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("fit", list(SQUARES))
def test_where_torch_is_not_to_be_loaded_a_picture_differs_by_one_level_at_most(
    size: tuple[int, int], channels: int, fit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = encoded(noise(*size, channels))
    by_torch = decoded(picture, image_size=64, channels=channels, fit=fit).astype(np.int16)
    monkeypatch.setenv("DL_RESIZER", "pillow")
    difference = np.abs(decoded(picture, image_size=64, channels=channels, fit=fit) - by_torch)
    assert difference.max() <= 1 and difference.mean() < 0.02


@pytest.mark.parametrize("options", [{}, {"quality": 95, "subsampling": 0}, {"keep_rgb": True}], ids=str)
@pytest.mark.parametrize("stored", ["RGB", "L"])
@pytest.mark.parametrize(("channels", "mode"), [(3, "RGB"), (1, "L")])
def test_a_jpeg_has_the_pixels_that_pillow_gives_it(channels: int, mode: str, stored: str, options: dict[str, Any]) -> None:
    payload = encoded(photo(40, 40).convert(stored), "JPEG", **options)
    array = decoded(payload, image_size=40, channels=channels)
    picture = Image.open(BytesIO(payload))
    picture.draft(mode, picture.size)  # so that grey is what the file holds as such, and not computed from clipped colours
    np.testing.assert_array_equal(array, np.asarray(picture.convert(mode)).reshape(array.shape))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_of_the_camera_is_applied(orientation: int) -> None:
    upright = noise(20, 12, 1)
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = upright.transpose(undo[orientation]) if orientation in undo else upright
    array, extra = inputs.clean(encoded(stored, exif=exif), image_size=20, channels=1, fit="pad")
    np.testing.assert_array_equal(array[4:16, :, 0], np.asarray(upright))
    assert (extra["width"], extra["height"]) == (20, 12)


def test_the_orientation_of_a_jpeg_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned to the right
    array = decoded(encoded(HALVES, "JPEG", exif=exif), channels=1)
    assert array[:6].min() > 200 and array[10:].max() < 60


def test_a_cmyk_photo_has_the_colours_that_pillow_gives_it() -> None:
    red = Image.new("RGB", (32, 32), (200, 30, 40))
    assert np.abs(decoded(encoded(red.convert("CMYK"), "JPEG")).astype(int) - (200, 30, 40)).max() <= 4


def test_sixteen_bits_are_scaled_and_not_cut() -> None:
    values = np.linspace(0, 65535, 256, dtype=np.uint16).reshape(16, 16)
    np.testing.assert_array_equal(decoded(encoded(Image.fromarray(values)), channels=1)[..., 0], np.round(values / 257))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_becomes_white(mode: str) -> None:
    picture = Image.new("RGBA", (16, 16), (255, 0, 0, 0))
    picture.paste((10, 10, 10, 255), (0, 0, 8, 16))
    array = decoded(encoded(picture.convert(mode)))
    assert (array[:, 8:] == 255).all() and (array[:, :8] == 10).all()


@pytest.mark.parametrize("transparency", [1, b"\xff\x00"], ids=["one colour", "one alpha for each colour"])
def test_a_transparent_colour_of_a_palette_becomes_white(transparency: int | bytes) -> None:
    picture = Image.new("P", (16, 16), 0)
    picture.putpalette([10, 200, 30, 0, 0, 0])
    picture.paste(1, (8, 0, 16, 16))
    array = decoded(encoded(picture, transparency=transparency))
    assert (array[:, 8:] == 255).all() and (array[:, :8] == (10, 200, 30)).all()


def test_a_palette_becomes_its_colours() -> None:
    picture = Image.new("P", (16, 16), 0)
    picture.putpalette([10, 200, 30, 0, 0, 0])
    np.testing.assert_array_equal(decoded(encoded(picture))[0, 0], [10, 200, 30])


def test_of_an_animation_the_first_frame_is_taken() -> None:
    frames = [Image.new("L", (16, 16), value) for value in (0, 255)]
    assert decoded(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])).max() == 0


def test_grey_and_colour_are_turned_into_each_other() -> None:
    assert decoded(encoded(noise(16, 16, 1)), channels=3).shape == (16, 16, 3)
    assert decoded(encoded(Image.new("RGB", (16, 16), (255, 0, 0))), channels=1)[0, 0, 0] == 76  # 0.299 * 255


@pytest.mark.parametrize(("fit", "left", "right"), [("stretch", 250, 10), ("crop", 250, 10), ("pad", 250, 10)])
def test_every_way_to_a_square_keeps_left_left(fit: str, left: int, right: int) -> None:
    row = decoded(encoded(HALVES), channels=1, fit=fit)[8, :, 0]
    assert abs(int(row[4]) - left) <= 6 and abs(int(row[11]) - right) <= 6


def test_padding_keeps_the_shape_and_is_black() -> None:
    array = decoded(encoded(Image.new("L", (32, 8), 200)), channels=1, fit="pad")[..., 0]
    assert (array[6:10] == 200).all() and (array[:6] == 0).all() and (array[10:] == 0).all()


def test_cropping_takes_the_middle() -> None:
    picture = Image.new("L", (48, 16), 0)
    picture.paste(200, (16, 0, 32, 16))
    assert (decoded(encoded(picture), channels=1, fit="crop") == 200).all()


@pytest.mark.parametrize(("size", "box"), [((21, 16), (2, 0, 18, 16)), ((16, 31), (0, 7, 16, 23))])
def test_a_crop_begins_at_a_whole_pixel(size: tuple[int, int], box: tuple[int, int, int, int]) -> None:
    picture = noise(*size)
    np.testing.assert_array_equal(decoded(encoded(picture), fit="crop"), np.asarray(picture.crop(box)))


def test_pictures_that_have_the_size_are_cleaned_without_torch() -> None:
    program = (
        "import sys; from dl_assets.inputs import image; image.clean(sys.stdin.buffer.read(), image_size=8, channels=1); "
        "assert 'cv2' in sys.modules and 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], input=encoded(noise(8, 8, 1)), check=True)


# ---- what a network sees ---------------------------------------------------------------------------------------


def test_mean_and_deviation_are_those_of_all_pixels() -> None:
    arrays = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)
    fitted = inputs.fit(iter(arrays))
    assert fitted["shape"] == [4, 6, 3] and inputs.told(fitted) == (3, (4, 6), (3, 4, 6))
    np.testing.assert_allclose(fitted["mean"], (arrays / 255).mean(axis=(0, 1, 2)))
    np.testing.assert_allclose(fitted["std"], (arrays / 255).std(axis=(0, 1, 2)))


def test_the_network_sees_mean_zero_and_deviation_one() -> None:
    arrays = np.random.default_rng(0).integers(0, 200, (5, 4, 6, 3), dtype=np.uint8)
    seen = inputs.preprocess(inputs.fit(iter(arrays)))(torch.from_numpy(arrays))
    assert seen.shape == (5, 3, 4, 6) and seen.dtype == torch.float32
    torch.testing.assert_close(seen.mean(dim=(0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(seen.std(dim=(0, 2, 3), correction=0), torch.ones(3))


def test_pictures_of_one_colour_stay_finite() -> None:
    arrays = np.full((2, 4, 4, 1), 7, np.uint8)
    assert torch.isfinite(inputs.preprocess(inputs.fit(iter(arrays)))(torch.from_numpy(arrays))).all()


def test_options_are_suggested_from_the_pictures() -> None:
    assert inputs.suggest([encoded(noise(8, 8, 1))]) == {"image_size": 8, "channels": 1, "min_side": 4}
    assert inputs.suggest([encoded(noise(500, 375), "JPEG"), b"broken"]) == {"image_size": 64, "channels": 3, "min_side": 32}
    assert inputs.suggest([b"broken"]) == {}


def test_a_sheet_has_a_title_for_every_picture() -> None:
    figure = inputs.sheet([np.zeros((8, 8, 1), np.uint8), np.zeros((8, 8, 3), np.uint8)], ["cat", "dog"], columns=4)
    assert [axis.get_title() for axis in figure.axes] == ["cat", "dog", "", ""]
