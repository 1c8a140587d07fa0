"""Copies of a picture are found, whatever was done to the file; look-alikes are not."""

import io
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits
from workspace import REPOSITORY

from dl_assets.cleaning.decode import fingerprint
from dl_assets.inputs.image import clean, similar

DATA = REPOSITORY.parent / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the pictures are not here: they would be in ../shared/data")


class Stack:
    """Arrays in memory that count how many of them are read."""

    def __init__(self, arrays: list[NDArray[np.uint8]]) -> None:
        self._arrays, self.num_read = np.stack(arrays), 0

    def __len__(self) -> int:
        return len(self._arrays)

    def __getitem__(self, index: int) -> NDArray[np.uint8]:
        return self._arrays[index]

    def batch(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        self.num_read += len(indices)
        return self._arrays[indices]

    @property
    def shape(self) -> tuple[int, ...]:
        return self._arrays.shape[1:]


def cleaned(payloads: dict[str, bytes], **options: int) -> tuple[pl.DataFrame, Stack]:
    done = [clean(payload, **options) for payload in payloads.values()]
    hashes = pl.Series("hash", [measured["hash"] for _, measured in done], dtype=pl.UInt64)
    digests = [fingerprint(array) for array, _ in done]
    return pl.DataFrame({"origin": list(payloads), "target": "x", "digest": digests, "hash": hashes}), Stack(
        [array for array, _ in done]
    )


def found(payloads: dict[str, bytes], **options: int) -> list[tuple[str, str]]:
    samples, arrays = cleaned(payloads, **options)
    return [
        (samples["origin"][first], samples["origin"][second]) for first, second, _ in similar(samples, arrays)[0].iter_rows()
    ]


def photos(folder: str, step: int = 1) -> dict[str, bytes]:
    paths = sorted(path for path in (DATA / folder).rglob("*") if path.suffix in (".jpg", ".png"))[::step]
    return {path.relative_to(DATA / folder).as_posix(): path.read_bytes() for path in paths}


def saved(picture: Image.Image, format_: str = "JPEG", **options: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format_, **options)
    return buffer.getvalue()


def scene(seed: int) -> Image.Image:
    """Soft coloured shapes, different for every seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), np.uint8)
    return Image.fromarray(coarse).resize((320, 240), Image.Resampling.BICUBIC)


@pytest.mark.parametrize(
    "change",
    [
        lambda photo: saved(photo, quality=20),
        lambda photo: saved(photo.resize((120, 90)), "PNG"),
        lambda photo: saved(photo.point(lambda value: min(255, int(1.1 * value + 5))), quality=85),
        lambda photo: saved(photo.point(lambda value: int(0.7 * value)), quality=85),
        lambda photo: saved(photo.convert("L")),
    ],
    ids=["saved again", "smaller", "brighter", "darker", "grey"],
)
def test_a_changed_copy_is_found_and_nothing_else(change: Callable[[Image.Image], bytes]) -> None:
    originals = {f"{seed}.png": saved(scene(seed), "PNG") for seed in range(9)}
    assert found({**originals, "copy.jpg": change(scene(7))}) == [("7.png", "copy.jpg")]


def test_flat_pictures_have_nothing_in_common() -> None:
    grey = {f"{value}.png": saved(Image.new("RGB", (40, 40), (value, value, value)), "PNG") for value in (50, 51, 200)}
    assert found(grey) == []


def test_of_equal_pixels_only_the_first_is_compared() -> None:
    copy = saved(scene(1), quality=30)
    assert found({"a": saved(scene(1), "PNG"), "b": copy, "c": copy}) == [("a", "b")]


def test_only_candidates_are_read_and_each_once() -> None:
    payloads = {str(seed): saved(scene(seed), "PNG") for seed in range(30)}
    samples, arrays = cleaned({**payloads, "copy": saved(scene(3)), "another": saved(scene(3), quality=40)})
    assert len(similar(samples, arrays)[0]) == 3
    assert arrays.num_read == 3


def test_samples_without_a_hash_are_not_compared() -> None:
    samples, arrays = cleaned({"a": saved(scene(1), "PNG"), "b": saved(scene(1))})
    assert similar(samples.with_columns(hash=pl.lit(None, pl.UInt64)), arrays)[0].rows() == []


def test_the_next_call_reads_only_what_is_new_and_finds_the_same() -> None:
    payloads = {str(seed): saved(scene(seed), "PNG") for seed in range(30)} | {"copy": saved(scene(3))}
    before, arrays = cleaned(payloads)
    _, last = similar(before, arrays)
    grown = {"new": saved(scene(50)), **payloads, "another": saved(scene(3), quality=40), "of 8": saved(scene(8))}
    samples, arrays = cleaned({name: payload for name, payload in grown.items() if name != "5"})
    pairs, kept = similar(samples, arrays, last)
    assert arrays.num_read == 5  # 3 and its two copies, 8 and its copy
    alone, kept_alone = similar(samples, arrays)
    assert pairs.equals(alone) and all(kept[name].equals(table) for name, table in kept_alone.items())
    assert [samples["origin"][place] for place in pairs["second"]] == ["copy", "another", "of 8", "another"]


def test_what_another_distance_or_another_hash_found_is_not_taken_over() -> None:
    samples, arrays = cleaned({"a": saved(scene(1), "PNG"), "b": saved(scene(2), "PNG")})
    alike = samples.with_columns(hash=pl.lit(0, pl.UInt64))
    arrays_alike = Stack([arrays[0], arrays[0]])
    _, last = similar(samples, arrays, max_distance=2)
    assert len(similar(alike, arrays_alike, last, max_distance=2)[0]) == 1
    apart = samples.with_columns(hash=pl.Series([0, 7], dtype=pl.UInt64))
    _, last = similar(apart, arrays_alike, max_distance=2)
    assert len(similar(apart, arrays_alike, last, max_distance=3)[0]) == 1


@needs_data
def test_the_one_near_duplicate_among_a_thousand_photos_is_found() -> None:
    few = {name: payload for name, payload in photos("cats_dogs").items() if name.endswith(("4.jpg", "0.jpg"))}
    assert len(few) == 200
    assert found(few) == [("dog/dog.180.jpg", "dog/dog.74.jpg")]


@needs_data
@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("bccd_voc/images", [("BloodImage_00037.jpg", "BloodImage_00038.jpg")]),
        ("facemask_coco/images", []),
    ],
)
def test_pictures_of_the_same_kind_are_not_taken_for_the_same(folder: str, expected: list[tuple[str, str]]) -> None:
    assert found(photos(folder)) == expected


def test_digits_that_look_alike_are_not_taken_for_copies() -> None:
    pictures = {str(index): saved(Image.fromarray(array), "PNG") for index, array in enumerate(digits())}
    assert found(pictures, image_size=8, channels=1) == []


def digits() -> NDArray[np.uint8]:
    return np.round(load_digits().images * (255 / 16)).astype(np.uint8)
