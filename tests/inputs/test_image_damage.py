"""Damaged files are rejected, whatever is wrong with them, and whole ones are not."""

import contextlib
import warnings
from typing import Any

import numpy as np
import pytest
import simplejpeg
from inputs.pictures import CATS_DOGS, encoded, is_rejected, needs_cats_dogs, noise, photo, rejection
from PIL import Image, ImageDraw

from dl_assets.inputs import image as inputs

END = b"\xff\xd9"
JPEGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "optimised tables": {"optimize": True},
    "progressive": {"progressive": True},
    "full colours": {"subsampling": 0, "quality": 95},
    "restarts": {"restart_marker_blocks": 20},
}


def first_scan(jpeg: bytes) -> int:
    """Where the pixels begin."""
    start = jpeg.index(b"\xff\xda")
    return start + 2 + int.from_bytes(jpeg[start + 2 : start + 4])


def zeroed(jpeg: bytes, place: int, size: int) -> bytes:
    return jpeg[:place] + bytes(size) + jpeg[place + size :]


# ---- JPEG ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
@pytest.mark.parametrize("end", [b"", END], ids=["cut off", "cut off and closed"])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_cut_off_jpeg_is_truncated(mode: str, end: bytes, options: dict[str, Any]) -> None:
    payload = encoded(noise(200, 200).convert(mode), "JPEG", **options)
    assert rejection(payload[: len(payload) * 7 // 10] + end)[0] == "truncated"


@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS)
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_jpeg_is_found_cut_off_wherever_that_was(mode: str, options: dict[str, Any]) -> None:
    payload = encoded(photo(120, 90).convert(mode), "JPEG", **options)
    assert not is_rejected(payload)
    places = {*range(1, len(payload) - 2, 17), len(payload) - 3}
    assert [place for place in sorted(places) if not is_rejected(payload[:place])] == []
    assert [place for place in sorted(places) if not is_rejected(payload[:place] + END)] == []


def test_a_progressive_jpeg_that_ends_after_a_whole_scan_is_truncated() -> None:
    payload = encoded(photo(120, 90), "JPEG", progressive=True)
    scans = [place for place in range(len(payload)) if payload[place : place + 2] == b"\xff\xda"]
    assert len(scans) == 10
    for scan in scans[1:]:  # before each comes the table that it needs
        assert rejection(payload[: payload.rindex(b"\xff\xc4", 0, scan)] + END)[0] == "truncated"


@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS)
@pytest.mark.parametrize("size", [512, 4096])
def test_zeros_over_a_part_of_a_jpeg_are_found(size: int, options: dict[str, Any]) -> None:
    payload = encoded(photo(), "JPEG", **{"quality": 90, **options})
    places = range(first_scan(payload), len(payload) - size, len(payload) // 40)
    assert len(places) > 15
    assert np.mean([is_rejected(zeroed(payload, place, size)) for place in places]) >= 0.95


def test_zeros_that_libjpeg_takes_for_a_picture_are_told_with_their_place() -> None:
    payload = encoded(photo(), "JPEG")
    taken = 0
    for place in range(first_scan(payload), len(payload) - 100, 100):
        if payload[place - 1]:  # so that the zeros begin at `place`
            damaged = zeroed(payload, place, 64)
            with contextlib.suppress(ValueError):
                simplejpeg.decode_jpeg(damaged, strict=True)
                taken += 1
                assert rejection(damaged) == ("unreadable", f"32 or more bytes are 0 from byte {place}, amidst the pixels")
    assert taken > 5


@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS)
def test_a_plain_ground_is_not_taken_for_zeros(options: dict[str, Any]) -> None:
    picture = Image.new("RGB", (1600, 1200), "white")
    ImageDraw.Draw(picture).rectangle((700, 500, 760, 530), fill="red")
    payload = encoded(picture, "JPEG", **options)
    assert not is_rejected(payload)
    if options.get("optimize"):
        assert bytes(32) in payload[first_scan(payload) :]  # so this is the file that could be mistaken


@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS)
def test_zeros_beside_the_pixels_do_no_harm(options: dict[str, Any]) -> None:
    payload = encoded(photo(), "JPEG", comment=bytes(500), **options)
    assert bytes(500) in payload and not is_rejected(payload + bytes(500))


@pytest.mark.parametrize("options", JPEGS.values(), ids=JPEGS)
@pytest.mark.parametrize("more", [b"appended by a camera", encoded(photo(120, 90), "JPEG")], ids=["text", "another JPEG"])
def test_bytes_after_the_end_of_a_jpeg_do_no_harm(more: bytes, options: dict[str, Any]) -> None:
    payload = encoded(noise(), "JPEG", **options)
    with_more = inputs.clean(payload + more, image_size=16)[0]
    np.testing.assert_array_equal(with_more, inputs.clean(payload, image_size=16)[0])


@pytest.fixture(scope="module")
def photos() -> list[bytes]:
    return [path.read_bytes() for path in sorted(CATS_DOGS.glob("*/*.jpg"))]


@needs_cats_dogs
def test_no_good_photo_is_rejected(photos: list[bytes]) -> None:
    assert len(photos) == 1000
    assert not any(map(is_rejected, photos))


@needs_cats_dogs
def test_every_damaged_photo_is_found(photos: list[bytes]) -> None:
    rng = np.random.default_rng(17)
    for payload in photos[::5]:
        start = first_scan(payload)
        cut = payload[: rng.integers(start, len(payload) - 2)]
        size = 512
        place = int(rng.integers(start, len(payload) - size))
        assert is_rejected(cut) and is_rejected(cut + END) and is_rejected(zeroed(payload, place, size))


# ---- other formats ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "TIFF"])
def test_a_cut_off_file_of_another_format_is_truncated(kind: str) -> None:
    payload = encoded(noise(200, 200), kind)
    assert rejection(payload[: len(payload) // 2])[0] == "truncated"


OTHERS: dict[str, tuple[str, dict[str, Any]]] = {
    "PNG": ("PNG", {}),
    "GIF": ("GIF", {}),
    "BMP": ("BMP", {}),
    "TIFF": ("TIFF", {}),
    "TIFF, LZW": ("TIFF", {"compression": "tiff_lzw"}),
    "TIFF, deflate": ("TIFF", {"compression": "tiff_deflate"}),
    "WebP": ("WEBP", {}),
    "WebP, lossless": ("WEBP", {"lossless": True}),
    "AVIF": ("AVIF", {}),
    "PPM": ("PPM", {}),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_file_of_another_format_is_found_cut_off_wherever_that_was(name: str) -> None:
    kind, options = OTHERS[name]
    payload = encoded(photo(60, 45), kind, **options)
    assert not is_rejected(payload)
    tail = 2 if kind == "GIF" else 0  # two bytes that say there is no more; all pixels are there without them
    places = {*range(1, len(payload) - tail, max(1, len(payload) // 100)), len(payload) - tail - 1}
    assert [place for place in sorted(places) if not is_rejected(payload[:place])] == []


@pytest.mark.parametrize("place", ["middle", "end"])
def test_damage_inside_a_png_is_unreadable(place: str) -> None:
    payload = bytearray(encoded(noise()))
    payload[len(payload) // 2 if place == "middle" else payload.index(b"IEND") - 10] ^= 0x55
    assert rejection(bytes(payload))[0] == "unreadable"


# ---- what is no picture ----------------------------------------------------------------------------------------


def test_a_file_of_no_bytes_is_unreadable() -> None:
    assert rejection(b"") == ("unreadable", "0 bytes")


def test_a_text_that_is_called_jpg_is_unreadable_and_its_start_is_shown() -> None:
    reason, detail = rejection(b"<html>404 not found</html>")
    assert reason == "unreadable" and "no picture: 26 bytes that start with b'<html>404 not fo'" in detail


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_file_that_ends_in_its_header_is_unreadable(kind: str) -> None:
    reason, detail = rejection(encoded(noise(), kind)[:20])
    assert reason == "unreadable" and "header is broken or cut off: 20 bytes" in detail


def test_a_decompression_bomb_is_rejected_before_it_is_decoded() -> None:
    bomb = encoded(Image.new("1", (10_001, 10_000)))
    assert len(bomb) < 100_000
    assert rejection(bomb) == ("unreadable", "10001 x 10000 px is more than max_pixels (100000000)")


def test_random_bytes_after_a_signature_are_rejected_and_nothing_else_happens() -> None:
    rng = np.random.default_rng(1)
    signatures = (b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\0", b"RIFF\x10\0\0\0WEBP", b"P6 9 9 255\n")
    for signature in signatures:
        for _ in range(20):
            rejection(signature + rng.bytes(60))


def test_a_jpeg_with_random_bytes_in_it_is_decoded_or_rejected_and_nothing_else_happens() -> None:
    rng = np.random.default_rng(1)
    for options in JPEGS.values():
        payload = encoded(photo(60, 45), "JPEG", **options)
        for _ in range(100):
            place = int(rng.integers(2, len(payload)))
            is_rejected(payload[:place] + rng.bytes(4) + payload[place + 4 :])


def test_pillows_warnings_do_not_leak() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        inputs.clean(encoded(Image.new("P", (16, 16), 3), transparency=bytes(range(200))), image_size=16)
        inputs.clean(encoded(Image.new("1", (10_000, 9_500))), image_size=16, channels=1)
    assert [str(warning.message) for warning in caught] == []
