from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from dl_assets.artifacts.raw import RawSample
from dl_assets.artifacts.report import Check, Report
from dl_assets.artifacts.shards import ArrayReader
from dl_assets.artifacts.tables import CLEAN_SAMPLES, RAW_SAMPLES, REJECTED, read_table, write_table
from dl_assets.config import Pipeline
from dl_assets.inputs import image
from dl_assets.stages.clean import clean, fingerprint, reject_repeated
from dl_assets.stages.ingest import store

Result = tuple[Report, pl.DataFrame, pl.DataFrame, Path]


def make_pipeline(**sections: Any) -> Pipeline:
    document = {"task": "image_classification", "clean": {"image_size": 8, "channels": 1}, "split": {}, **sections}
    return Pipeline(Path("pipelines/pets.yaml"), document)


def made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def picture(seed: int, size: int = 8, kind: str = "PNG") -> bytes:
    """Noise: a picture of its own for every seed."""
    file = BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size, size), dtype=np.uint8)).save(file, kind)
    return file.getvalue()


def run(folder: Path, samples: list[RawSample], **options: object) -> Result:
    """Return the report, the kept and the rejected samples, and the folder."""
    raw, out = made(folder / "raw"), made(folder / "clean")
    table, _ = store(samples, raw)
    write_table(RAW_SAMPLES, raw, table)
    report = clean(make_pipeline(clean={"image_size": 8, "channels": 1, **options}), raw=raw, out=out)
    return report, read_table(CLEAN_SAMPLES, out), read_table(REJECTED, out), out


def good(num_samples: int, first: int = 100) -> list[RawSample]:
    return [RawSample(f"cat/{i}.png", picture(i), "cat") for i in range(first, first + num_samples)]


def check(report: Report) -> Check:
    assert [check.name for check in report.checks] == ["rejected_share"]
    return report.checks[0]


def test_every_sample_is_kept_with_its_pixels_or_rejected_with_its_reason(tmp_path: Path) -> None:
    cut_off = picture(1, 200, "JPEG")
    report, kept, rejected, out = run(
        tmp_path,
        [
            *good(12),
            RawSample("dog/cut.jpg", cut_off[: len(cut_off) // 2], "dog"),
            RawSample("dog/text.jpg", b"hello", "dog"),
            RawSample("dog/zero.jpg", b"", "dog"),
            RawSample("dog/tiny.png", picture(2, 5), "dog"),
            RawSample("README.md", b"text", None),
            RawSample("blank.png", picture(3), " "),
        ],
        max_rejected=0.5,
    )
    assert dict(rejected.select("origin", "reason").iter_rows()) == {
        "dog/cut.jpg": "truncated",
        "dog/text.jpg": "unreadable",
        "dog/zero.jpg": "unreadable",
        "dog/tiny.png": "too_small",
        "README.md": "no_label",
        "blank.png": "no_label",
    }
    assert report.counts == {
        "kept": 12,
        "rejected": 6,
        "rejected_no_label": 2,
        "rejected_too_small": 1,
        "rejected_truncated": 1,
        "rejected_unreadable": 2,
    }
    reader = ArrayReader(out, kept)
    for index, sample in enumerate(good(12)):
        np.testing.assert_array_equal(reader[index], image.clean(sample.payload, image_size=8, channels=1)[0])
    assert kept["width"].to_list() == kept["height"].to_list() == [8] * 12


def test_the_check_fails_above_the_allowed_share_and_names_reasons_and_files(tmp_path: Path) -> None:
    samples = [*good(6), *(RawSample(f"dog/{i}.jpg", b"hello", "dog") for i in range(4))]
    found = check(run(tmp_path, samples, max_rejected=0.3)[0])
    assert not found.passed and found.value == 0.4 and found.threshold == 0.3
    assert found.detail == (
        "Rejected are 4 of 10 samples: 4 unreadable (dog/0.jpg, dog/1.jpg, dog/2.jpg, ...). "
        "Mend or remove these files, or raise clean.max_rejected."
    )


def test_the_allowed_share_itself_is_allowed(tmp_path: Path) -> None:
    assert check(run(tmp_path, [*good(9), RawSample("dog/1.jpg", b"", "dog")], max_rejected=0.1)[0]).passed


@pytest.mark.parametrize("samples", [[], [RawSample("a.jpg", b"", "cat")]])
def test_nothing_to_keep_is_a_failed_check_and_no_crash(tmp_path: Path, samples: list[RawSample]) -> None:
    report, kept, rejected, _ = run(tmp_path, samples)
    assert len(kept) == 0 and len(rejected) == len(samples)
    assert check(report).passed is (not samples)


def test_of_equal_pixels_the_first_is_kept(tmp_path: Path) -> None:
    same = [
        RawSample("cat/1.png", picture(1), "cat"),
        RawSample("cat/2.gif", picture(1, kind="GIF"), "cat"),
        RawSample("cat/3.png", picture(1), "cat"),
    ]
    _, kept, rejected, _ = run(tmp_path, [*good(20), *same])
    assert "cat/1.png" in kept["origin"].to_list()
    assert rejected.select("origin", "reason", "detail").rows() == [
        ("cat/2.gif", "exact_duplicate", "same pixels as cat/1.png"),
        ("cat/3.png", "exact_duplicate", "same pixels as cat/1.png"),
    ]


def test_equal_pixels_are_kept_where_the_user_says_so(tmp_path: Path) -> None:
    same = [RawSample("cat/1.png", picture(1), "cat"), RawSample("cat/2.png", picture(1), "cat")]
    _, kept, rejected, out = run(tmp_path, same, exact_duplicates="keep")
    assert len(kept) == 2 and len(rejected) == 0 and kept["digest"].n_unique() == 1
    np.testing.assert_array_equal(ArrayReader(out, kept)[0], ArrayReader(out, kept)[1])


@pytest.mark.parametrize("duplicates", ["reject", "keep"])
def test_equal_pixels_with_two_targets_are_all_rejected(tmp_path: Path, duplicates: str) -> None:
    same = [
        RawSample("cat/1.png", picture(1), "cat"),
        RawSample("cat/2.png", picture(1), "cat"),
        RawSample("dog/1.png", picture(1), "dog"),
    ]
    _, kept, rejected, _ = run(tmp_path, [*good(2), *same], exact_duplicates=duplicates, max_rejected=1.0)
    assert kept["origin"].to_list() == ["cat/100.png", "cat/101.png"]
    assert rejected.select("origin", "reason", "detail").rows() == [
        ("cat/1.png", "label_conflict", "same pixels as dog/1.png, whose target is 'dog' and not 'cat'"),
        ("cat/2.png", "label_conflict", "same pixels as dog/1.png, whose target is 'dog' and not 'cat'"),
        ("dog/1.png", "label_conflict", "same pixels as cat/1.png, whose target is 'cat' and not 'dog'"),
    ]


def test_columns_of_the_source_stay_with_their_samples(tmp_path: Path) -> None:
    raw, out = made(tmp_path / "raw"), made(tmp_path / "clean")
    table, _ = store([RawSample("bad.png", b"", "cat"), RawSample("a.png", picture(1), "cat", group="film 7")], raw)
    write_table(RAW_SAMPLES, raw, table.with_columns(camera=pl.Series(["old", "new"])))
    clean(make_pipeline(), raw=raw, out=out)
    assert read_table(CLEAN_SAMPLES, out).select("origin", "group", "camera").rows() == [("a.png", "film 7", "new")]


def test_the_same_raw_data_gives_the_same_bytes_on_disk(tmp_path: Path) -> None:
    folders = [run(tmp_path / name, [*good(40), RawSample("dog/1.jpg", b"", "dog")])[3] for name in ("1", "2")]
    first, second = ({p.name: p.read_bytes() for p in folder.iterdir()} for folder in folders)
    assert first == second and set(first) == {"samples.parquet", "rejected.parquet", "pixels-00000.npy"}


def test_arrays_of_equal_bytes_and_another_shape_differ() -> None:
    array = np.zeros((4, 6, 1), np.uint8)
    assert fingerprint(array) == fingerprint(array.copy()) != fingerprint(array.reshape(6, 4, 1))


def test_samples_of_different_pixels_are_all_kept_in_their_order() -> None:
    samples = pl.DataFrame({"id": [f"{i}" for i in range(1000)]}).with_columns(origin="id", digest="id", target=pl.lit("cat"))
    kept, repeated = reject_repeated(samples, keep_duplicates=False)
    assert kept.equals(samples) and len(repeated) == 0
