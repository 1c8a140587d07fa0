"""Cleaning: the strict decoder with all that `clean` measures and both kinds of duplicates, against cleanvision's duplicates.

And what the strict decoder finds, of files that were damaged in three ways.
"""

import itertools
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from benchmarks.elsewhere import Worker, python_with
from benchmarks.photos import jpegs
from benchmarks.side_by_side import cpu_of, median_seconds, show

from dl_assets.artifacts.rejection import Rejection
from dl_assets.artifacts.shards import ArrayWriter, open_arrays
from dl_assets.inputs import image
from dl_assets.inputs._image.jpeg import _segments

CLEANVISION = "cleanvision==0.3.7"
DUPLICATES_ONLY = """\
from cleanvision import Imagelab

def work(folder):
    Imagelab(data_path=folder).find_issues({"exact_duplicates": {}, "near_duplicates": {}}, n_jobs=1, verbose=False)

"""
END = b"\xff\xd9"
CATS_DOGS = Path(__file__).parents[3] / "shared/data/cats_dogs"


def clean(folder: Path, work: Path) -> int:
    """Read, decode, measure, fingerprint and pack every photo, then look for near duplicates; return their number."""
    rows = []
    with ArrayWriter(work) as writer:
        for path in sorted(folder.rglob("*.jpg")):
            array, measures = image.clean(path.read_bytes())
            shard, row = writer.write(array)
            digest = blake2b(array, digest_size=16).hexdigest()
            rows.append({"target": path.parent.name, "digest": digest, "shard": shard, "row": row, **measures})
    samples = pl.DataFrame(rows, schema_overrides={"hash": pl.UInt64})
    return len(image.similar(samples, open_arrays(work, samples))[0])


@pytest.fixture(params=["made photos of 500 x 375 px", "cats_dogs"])
def photos(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "cats_dogs":
        if not CATS_DOGS.is_dir():
            pytest.skip("the photos are not here: they would be in ../shared/data/cats_dogs")
        return CATS_DOGS
    folder = tmp_path / "photos"
    folder.mkdir()
    for index, jpeg in enumerate(jpegs(300, 500, 375, quality=75, colorsubsampling="420")):
        (folder / f"{index}.jpg").write_bytes(jpeg)
    return folder


@pytest.mark.timeout(1800)
def test_cleaning(photos: Path, tmp_path: Path) -> None:
    python = python_with(CLEANVISION)
    if python is None:
        pytest.skip(f"{CLEANVISION} cannot be installed here")
    count = len(list(photos.rglob("*.jpg")))
    with Worker(python, DUPLICATES_ONLY) as theirs:
        seconds = median_seconds(
            {
                "ours: strict check, measures, all duplicates": lambda: cpu_of(lambda: clean(photos, tmp_path)),
                f"{CLEANVISION}: duplicates only": lambda: theirs.seconds(str(photos)),
            }
        )
    show(f"Cleaning {count} photos of {photos.name}", seconds, count=count, unit="photo")
    mine, cleanvision = seconds.values()
    assert cleanvision > 3 * mine


def found(payload: bytes) -> bool:
    try:
        image.clean(payload)
    except Rejection:
        return True
    return False


def pixels_of(jpeg: bytes) -> int:
    """Where the pixels of a JPEG begin."""
    return next(end for marker, _, end in _segments(jpeg) if marker == 0xDA)


DAMAGES: dict[str, Callable[[bytes, int, int], bytes]] = {
    "truncated": lambda jpeg, place, size: jpeg[:place],
    "truncated, with an end marker": lambda jpeg, place, size: jpeg[:place] + END,
    "with a zeroed block": lambda jpeg, place, size: jpeg[:place] + bytes(size) + jpeg[place + size :],
}


def test_damaged_files_are_found(photos: Path) -> None:
    payloads = [path.read_bytes() for path in sorted(photos.rglob("*.jpg"))]
    rng = np.random.default_rng(17)
    print(
        f"\nFiles of {photos.name} that are found to be damaged\n  {'whole (false alarms)':<34}{sum(map(found, payloads)):>5}",
        end="",
    )
    print(f" of {len(payloads)}")
    assert not any(map(found, payloads))
    for (name, damage), size in itertools.product(DAMAGES.items(), (512, 1024, 4096)):
        if size > 512 and "block" not in name:
            continue
        chosen = [payload for payload in payloads if len(payload) > size + 1500]
        places = [int(rng.integers(pixels_of(payload), len(payload) - 2 - size)) for payload in chosen]
        share = np.mean([found(damage(payload, place, size)) for payload, place in zip(chosen, places, strict=True)])
        print(f"  {name + (f' of {size} bytes' if 'block' in name else ''):<40}{share:>7.1%} of {len(chosen)}")
        assert share >= (0.95 if "block" in name else 1)
