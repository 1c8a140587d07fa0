import warnings
from io import BytesIO
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from dl_assets.artifacts.rejection import Rejection
from dl_assets.inputs import image as inputs


def encoded(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    file = BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def noise(width: int = 48, height: int = 32, channels: int = 3) -> Image.Image:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)
    return Image.fromarray(pixels.squeeze(-1) if channels == 1 else pixels)


def decoded(payload: bytes, **options: Any) -> NDArray[np.uint8]:
    return inputs.clean(payload, **{"image_size": 16, **options})[0]


def rejection(payload: bytes, **options: Any) -> tuple[str, str]:
    with pytest.raises(Rejection) as caught:
        inputs.clean(payload, **options)
    return caught.value.reason, caught.value.detail


HALVES = Image.fromarray(np.repeat(np.array([[250, 10]], np.uint8), 16, axis=1).repeat(24, axis=0))  # left bright, right dark


# ---- what is fine ----------------------------------------------------------------------------------------------


def test_a_picture_of_the_right_size_keeps_every_pixel() -> None:
    picture = noise(16, 16, 1)
    np.testing.assert_array_equal(decoded(encoded(picture), channels=1)[..., 0], np.asarray(picture))


def test_the_size_in_the_table_is_that_of_the_original() -> None:
    array, size = inputs.clean(encoded(noise(48, 32)), image_size=16)
    assert array.shape == (16, 16, 3) and array.dtype == np.uint8 and size == {"width": 48, "height": 32}


@pytest.mark.parametrize("quality", [60, 95])
def test_a_photo_is_resized_as_pillow_does_it_at_full_size(quality: int) -> None:
    y, x = np.mgrid[:600, :900]
    waves = np.stack([128 + 100 * np.sin(x / 40), 128 + 100 * np.cos(y / 30), (x + y) / 6], axis=-1)
    photo = Image.fromarray(waves.astype(np.uint8))
    payload = encoded(photo, "JPEG", quality=quality)
    reference = np.asarray(Image.open(BytesIO(payload)).resize((80, 80), Image.Resampling.LANCZOS), np.float64)
    assert np.abs(decoded(payload, image_size=80) - reference).mean() < 1


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
    array, size = inputs.clean(encoded(stored, exif=exif), image_size=20, channels=1, fit="pad")
    np.testing.assert_array_equal(array[4:16, :, 0], np.asarray(upright))
    assert size == {"width": 20, "height": 12}


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


# ---- what is not -----------------------------------------------------------------------------------------------


def test_a_file_of_no_bytes_is_unreadable() -> None:
    assert rejection(b"") == ("unreadable", "0 bytes")


def test_a_text_that_is_called_jpg_is_unreadable_and_its_start_is_shown() -> None:
    reason, detail = rejection(b"<html>404 not found</html>")
    assert reason == "unreadable" and "no picture: 26 bytes that start with b'<html>404 not fo'" in detail


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
@pytest.mark.parametrize("end", [b"", b"\xff\xd9"], ids=["cut off", "cut off and closed"])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_cut_off_jpeg_is_truncated(mode: str, end: bytes, options: dict[str, Any]) -> None:
    payload = encoded(noise(200, 200).convert(mode), "JPEG", **options)
    assert rejection(payload[: len(payload) * 7 // 10] + end)[0] == "truncated"


def test_bytes_after_the_end_of_a_jpeg_do_no_harm() -> None:
    payload = encoded(noise(), "JPEG")
    np.testing.assert_array_equal(decoded(payload + b"appended by a camera"), decoded(payload))


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "TIFF"])
def test_a_cut_off_file_of_another_format_is_truncated(kind: str) -> None:
    payload = encoded(noise(200, 200), kind)
    assert rejection(payload[: len(payload) // 2])[0] == "truncated"


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_file_that_ends_in_its_header_is_unreadable(kind: str) -> None:
    reason, detail = rejection(encoded(noise(), kind)[:20])
    assert reason == "unreadable" and "header is broken or cut off: 20 bytes" in detail


def test_a_small_picture_is_told_with_its_size() -> None:
    assert rejection(encoded(noise(5, 7))) == ("too_small", "5 x 7 px (min_side is 8)")


def test_a_decompression_bomb_is_rejected_before_it_is_decoded() -> None:
    bomb = encoded(Image.new("1", (20_000, 20_000)))
    assert len(bomb) < 100_000
    assert rejection(bomb) == ("unreadable", "20000 x 20000 px is more than max_pixels (100000000)")


def test_damage_inside_a_png_is_unreadable() -> None:
    payload = bytearray(encoded(noise()))
    payload[len(payload) // 2] ^= 0x55
    assert rejection(bytes(payload))[0] == "unreadable"


def test_random_bytes_after_a_signature_are_rejected_and_nothing_else_happens() -> None:
    rng = np.random.default_rng(1)
    signatures = (b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\0", b"RIFF\x10\0\0\0WEBP", b"P6 9 9 255\n")
    for signature in signatures:
        for _ in range(20):
            rejection(signature + rng.bytes(60))


def test_pillows_warnings_do_not_leak() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        decoded(encoded(Image.new("P", (16, 16), 3), transparency=bytes(range(200))))
        inputs.clean(encoded(Image.new("1", (10_000, 9_500))), image_size=16)
    assert [str(warning.message) for warning in caught] == []


# ---- what a network sees ---------------------------------------------------------------------------------------


def test_mean_and_deviation_are_those_of_all_pixels() -> None:
    arrays = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)
    fitted = inputs.fit(iter(arrays))
    assert fitted["shape"] == [4, 6, 3] and inputs.channels(fitted) == 3
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
