from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image, ImageFilter

from dl_assets import files
from dl_assets.artifacts.memo import Memo
from dl_assets.artifacts.raw import RawSample
from dl_assets.artifacts.rejection import Rejection
from dl_assets.artifacts.report import Check, Report
from dl_assets.artifacts.shards import JpegReader, open_arrays
from dl_assets.artifacts.tables import CLEAN_SAMPLES, FLAGGED, RAW_SAMPLES, REJECTED, read_table, write_table
from dl_assets.cleaning.decode import fingerprint
from dl_assets.config import Pipeline
from dl_assets.errors import ConfigError
from dl_assets.inputs import image
from dl_assets.stages.clean import clean
from dl_assets.stages.ingest import store

Result = tuple[Report, pl.DataFrame, pl.DataFrame, Path]


def make_pipeline(**options: Any) -> Pipeline:
    document = {"task": "image_classification", "clean": {"image_size": 8, "channels": 1, **options}, "split": {}}
    return Pipeline(Path("pipelines/pets.yaml"), document)


def made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def picture(seed: int, size: int = 8, kind: str = "PNG") -> bytes:
    """Noise: a picture of its own for every seed."""
    file = BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size, size), dtype=np.uint8)).save(file, kind)
    return file.getvalue()


def sample(origin: str, payload: bytes, target: str | None = "cat", **given: Any) -> RawSample:
    return RawSample(origin, lambda: payload, target, **given)


def run(folder: Path, samples: list[RawSample], keep: str = "copy", **options: object) -> Result:
    """Run the stage as the runner does; return the report, the kept and the rejected samples, and the folder."""
    for name in ("raw", "work", "pages"):
        files.remove(folder / name)
    raw, out, pages = made(folder / "raw"), made(folder / "work"), made(folder / "pages")
    write_table(RAW_SAMPLES, raw, store(samples, raw, keep)[0])
    memo = Memo((folder / "clean",), folder / "memo", folder / "memo.new")
    report = clean(make_pipeline(**options), raw=raw, memo=memo, out=out, pages=pages)
    files.publish(folder / "memo.new", folder / "memo", folder / "memo.old")
    files.publish(out, folder / "clean", folder / "clean.old")
    out = folder / "clean"
    return report, read_table(CLEAN_SAMPLES, out), read_table(REJECTED, out), out


def good(num_samples: int, first: int = 100) -> list[RawSample]:
    return [sample(f"cat/{i}.png", picture(i)) for i in range(first, first + num_samples)]


def check(report: Report) -> Check:
    (found,) = (check for check in report.checks if check.name == "rejected_share")
    return found


def decoded(report: Report, capsys: pytest.CaptureFixture[str]) -> int:
    """Return how many pictures the last run decoded, as it told."""
    return int(capsys.readouterr().out.splitlines()[-1].rpartition("total=")[2])


def test_every_sample_is_kept_with_its_pixels_or_rejected_with_its_reason(tmp_path: Path) -> None:
    cut_off = picture(1, 200, "JPEG")
    report, kept, rejected, out = run(
        tmp_path,
        [
            *good(12),
            sample("dog/cut.jpg", cut_off[: len(cut_off) // 2], "dog"),
            sample("dog/text.jpg", b"hello", "dog"),
            sample("dog/zero.jpg", b"", "dog"),
            sample("dog/tiny.png", picture(2, 5), "dog"),
            sample("README.md", b"text", None),
            sample("blank.png", picture(3), " "),
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
        "flagged": 0,
        "rejected_no_label": 2,
        "rejected_too_small": 1,
        "rejected_truncated": 1,
        "rejected_unreadable": 2,
    }
    reader = open_arrays(out, kept)
    for index, raw in enumerate(good(12)):
        np.testing.assert_array_equal(reader[index], image.clean(raw.read(), image_size=8, channels=1)[0])
    assert kept["width"].to_list() == kept["height"].to_list() == [8] * 12


def test_the_check_fails_above_the_allowed_share_and_names_reasons_and_files(tmp_path: Path) -> None:
    samples = [*good(6), *(sample(f"dog/{i}.jpg", b"hello", "dog") for i in range(4))]
    found = check(run(tmp_path, samples, max_rejected=0.3)[0])
    assert not found.passed and found.value == 0.4 and found.threshold == 0.3
    assert found.detail == (
        "Rejected are 4 of 10 samples: 4 unreadable (dog/0.jpg, dog/1.jpg, dog/2.jpg, ...). "
        "Mend or remove these files, or raise clean.max_rejected."
    )


def test_the_allowed_share_itself_is_allowed(tmp_path: Path) -> None:
    assert check(run(tmp_path, [*good(9), sample("dog/1.jpg", b"", "dog")], max_rejected=0.1)[0]).severity == "warning"


@pytest.mark.parametrize("samples", [[], [sample("a.jpg", b"", "cat")]])
def test_nothing_to_keep_is_a_failed_check_and_no_crash(tmp_path: Path, samples: list[RawSample]) -> None:
    report, kept, rejected, _ = run(tmp_path, samples)
    assert len(kept) == 0 and len(rejected) == len(samples)
    assert check(report).passed is (not samples)


def test_of_equal_pixels_the_first_is_kept(tmp_path: Path) -> None:
    same = [
        sample("cat/1.png", picture(1), "cat"),
        sample("cat/2.gif", picture(1, kind="GIF"), "cat"),
        sample("cat/3.png", picture(1), "cat"),
    ]
    _, kept, rejected, _ = run(tmp_path, [*good(20), *same])
    assert "cat/1.png" in kept["origin"].to_list()
    assert rejected.select("origin", "reason", "detail").rows() == [
        ("cat/2.gif", "exact_duplicate", "same pixels as cat/1.png"),
        ("cat/3.png", "exact_duplicate", "same pixels as cat/1.png"),
    ]


def test_equal_pixels_are_kept_where_the_user_says_so(tmp_path: Path) -> None:
    same = [sample("cat/1.png", picture(1), "cat"), sample("cat/2.png", picture(1), "cat")]
    _, kept, rejected, out = run(tmp_path, same, exact_duplicates="keep")
    assert len(kept) == 2 and len(rejected) == 0 and kept["digest"].n_unique() == 1
    np.testing.assert_array_equal(open_arrays(out, kept)[0], open_arrays(out, kept)[1])


@pytest.mark.parametrize("duplicates", ["reject", "keep"])
def test_equal_pixels_with_two_targets_are_all_rejected(tmp_path: Path, duplicates: str) -> None:
    same = [
        sample("cat/1.png", picture(1), "cat"),
        sample("cat/2.png", picture(1), "cat"),
        sample("dog/1.png", picture(1), "dog"),
    ]
    _, kept, rejected, _ = run(tmp_path, [*good(2), *same], exact_duplicates=duplicates, max_rejected=1.0)
    assert kept["origin"].to_list() == ["cat/100.png", "cat/101.png"]
    assert rejected.select("origin", "reason", "detail").rows() == [
        ("cat/1.png", "label_conflict", "same pixels as dog/1.png, whose target is 'dog' and not 'cat'"),
        ("cat/2.png", "label_conflict", "same pixels as dog/1.png, whose target is 'dog' and not 'cat'"),
        ("dog/1.png", "label_conflict", "same pixels as cat/1.png, whose target is 'cat' and not 'dog'"),
    ]


def test_what_the_source_knows_of_a_sample_stays_with_it(tmp_path: Path) -> None:
    known = {"group": "film 7", "time": datetime(2026, 5, 1), "part": "test"}
    _, kept, _, _ = run(tmp_path, [sample("bad.png", b""), sample("a.png", picture(1), **known)], max_rejected=1.0)
    assert kept.select("origin", *known).rows(named=True) == [{"origin": "a.png", **known}]


def test_the_same_raw_data_gives_the_same_bytes_on_disk(tmp_path: Path) -> None:
    folders = [run(tmp_path / name, [*good(40), sample("dog/1.jpg", b"", "dog")])[3] for name in ("1", "2")]
    first, second = ({p.name: p.read_bytes() for p in folder.iterdir()} for folder in folders)
    assert first == second and set(first) == {"samples.parquet", "rejected.parquet", "flagged.parquet", "pixels-00000.npy"}


def test_arrays_of_equal_bytes_and_another_shape_differ() -> None:
    array = np.zeros((4, 6, 1), np.uint8)
    assert fingerprint(array) == fingerprint(array.copy()) != fingerprint(array.reshape(6, 4, 1))


def test_only_what_is_new_is_decoded_and_old_shards_stay_as_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, _, _, out = run(tmp_path, good(9))
    before = (out / "pixels-00000.npy").read_bytes()
    capsys.readouterr()
    report, kept, _, out = run(tmp_path, [*good(2, first=50), *good(9)])
    assert decoded(report, capsys) == 2
    assert (out / "pixels-00000.npy").read_bytes() == before and (out / "pixels-00001.npy").exists()
    for index, raw in enumerate([*good(2, first=50), *good(9)]):
        np.testing.assert_array_equal(open_arrays(out, kept)[index], image.clean(raw.read(), image_size=8, channels=1)[0])


def photo(seed: int, quality: int = 90) -> bytes:
    """Soft shapes, of which a copy of another quality is a near duplicate."""
    file = BytesIO()
    shapes = np.random.default_rng(seed).integers(40, 216, (6, 6), dtype=np.uint8)
    Image.fromarray(shapes).resize((64, 64), Image.Resampling.BICUBIC).save(file, "JPEG", quality=quality)
    return file.getvalue()


@pytest.mark.parametrize("option", [{}, {"max_distance": 2}, {"min_contrast": 0.15}, {"near_duplicates": "flag"}])
def test_a_run_that_remembers_gives_what_a_run_from_nothing_gives(tmp_path: Path, option: dict[str, object]) -> None:
    old = [sample(f"{i}.jpg", photo(i), "dog" if i % 3 else "cat") for i in range(30)] + [sample("2-copy.jpg", photo(2, 60))]
    new = [sample("0-copy.jpg", photo(0, 50)), sample("5-copy.jpg", photo(5, 40), "cat"), sample("99.jpg", photo(99), "dog")]
    run(tmp_path, old, max_rejected=1.0)
    grown = run(tmp_path, [*new[:1], *old[:9], *old[10:], *new[1:]], max_rejected=1.0, **option)
    page = (tmp_path / "pages/clean.html").read_text()
    fresh = run(made(tmp_path / "fresh"), [*new[:1], *old[:9], *old[10:], *new[1:]], max_rejected=1.0, **option)
    assert grown[0] == fresh[0] and grown[2].equals(fresh[2]) and "label_conflict" in _reasons(grown[3])
    assert grown[1].drop("shard", "row").equals(fresh[1].drop("shard", "row"))
    assert page == (tmp_path / "fresh/pages/clean.html").read_text()
    pixels = [[open_arrays(out, kept)[i].tolist() for i in range(len(kept))] for _, kept, _, out in (grown, fresh)]
    assert pixels[0] == pixels[1]


def _reasons(out: Path) -> set[str]:
    return {*read_table(REJECTED, out)["reason"], *read_table(FLAGGED, out)["reason"]}


@pytest.mark.parametrize(("option", "num_decoded"), [({"image_size": 16}, 5), ({"min_side": 4, "blurred": "off"}, 0)])
def test_everything_is_decoded_again_only_when_that_makes_a_difference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: dict[str, object], num_decoded: int
) -> None:
    run(tmp_path, good(5))
    capsys.readouterr()
    assert decoded(run(tmp_path, good(5), **option)[0], capsys) == num_decoded


def test_a_reference_that_was_missing_is_read_again_when_it_has_come_back(tmp_path: Path) -> None:
    place = tmp_path / "a.png"
    place.write_bytes(picture(1))
    referred = RawSample("a.png", place.read_bytes, "cat", location=str(place))

    def num_kept() -> int:
        return len(run(tmp_path, [referred], keep="reference", max_rejected=1.0)[1])

    found = [num_kept()]
    place.write_bytes(picture(2))
    referred = RawSample("a.png", lambda: picture(1), "cat", location=str(place))
    files.remove(tmp_path / "memo")
    found.append(num_kept())
    place.write_bytes(picture(1))
    found.append(num_kept())
    assert found == [1, 0, 1]


def test_bytes_that_come_twice_are_decoded_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    twice = [sample("cat/1.png", picture(1)), sample("cat/2.png", picture(1))]
    assert decoded(run(tmp_path, twice, exact_duplicates="keep")[0], capsys) == 1


def test_what_ingest_could_not_read_is_rejected(tmp_path: Path) -> None:
    def lost() -> bytes:
        raise Rejection("unreadable", "the file does not exist: cat/7.png")

    _, kept, rejected, _ = run(tmp_path, [*good(9), RawSample("cat/7.png", lost, "cat")], max_rejected=0.5)
    assert len(kept) == 9
    assert rejected.select("reason", "detail").rows() == [("unreadable", "the file does not exist: cat/7.png")]


def test_few_rejected_samples_pass_more_warn_and_too_many_stop(tmp_path: Path) -> None:
    def found(num_bad: int) -> tuple[bool, str]:
        bad = [sample(f"dog/{i}.jpg", b"") for i in range(num_bad)]
        result = check(run(tmp_path, [*good(20 - num_bad), *bad], warn_rejected=0.05, max_rejected=0.1)[0])
        return result.passed, result.severity

    assert [found(number) for number in (1, 2, 3)] == [(True, "warning"), (False, "warning"), (False, "error")]


def test_a_finding_may_be_flagged_rejected_or_not_looked_for(tmp_path: Path) -> None:
    def found(action: str) -> tuple[int, int, int]:
        _, kept, rejected, out = run(tmp_path, good(4), uniform=action, min_contrast=1.0, max_rejected=1.0)
        return len(kept), len(rejected), len(read_table(FLAGGED, out))

    assert [found(action) for action in ("flag", "reject", "off")] == [(4, 0, 4), (0, 4, 0), (4, 0, 0)]


def test_a_sample_is_not_the_duplicate_of_one_that_is_rejected(tmp_path: Path) -> None:
    tiny, same = picture(1, 8), picture(1, 8, "GIF")
    large = BytesIO()
    Image.open(BytesIO(same)).resize((16, 16), Image.Resampling.NEAREST).save(large, "PNG")
    samples = [*good(9), sample("cat/a.png", tiny), sample("cat/b.png", large.getvalue())]
    _, kept, rejected, _ = run(tmp_path, samples, min_side=10, max_rejected=1.0)
    assert kept["origin"].to_list() == ["cat/b.png"] and set(rejected["reason"]) == {"too_small"}


def test_of_two_that_show_the_same_the_sharper_and_the_larger_is_kept(tmp_path: Path) -> None:
    def saved(photo: Image.Image) -> bytes:
        file = BytesIO()
        photo.save(file, "PNG")
        return file.getvalue()

    shapes = np.random.default_rng(5).integers(40, 216, (6, 6), dtype=np.uint8)
    soft = np.asarray(Image.fromarray(shapes).resize((96, 96), Image.Resampling.BICUBIC)).astype(float)
    sharp = Image.fromarray(np.uint8(soft + np.random.default_rng(6).normal(0, 8, soft.shape).clip(-30, 30)))
    copies = [
        sample("1-blurred.png", saved(sharp.filter(ImageFilter.GaussianBlur(3)))),
        sample("2-small.png", saved(sharp.resize((48, 48)))),
        sample("3-sharp.png", saved(sharp)),
    ]
    _, kept, rejected, _ = run(tmp_path, copies, image_size=32, max_rejected=1.0)
    assert kept["origin"].to_list() == ["3-sharp.png"] and set(rejected["reason"]) == {"near_duplicate"}


def test_targets_are_renamed_by_the_mapping_alone_and_that_is_told(tmp_path: Path) -> None:
    samples = [*good(3), sample("Cat/1.png", picture(1), "Cat"), sample("cat_/2.png", picture(2), "cat ")]
    _, kept, _, out = run(tmp_path, samples, labels={"Cat": "cat"})
    assert kept["target"].to_list() == ["cat", "cat", "cat", "cat", "cat "]
    assert read_table(FLAGGED, out).select("origin", "reason", "detail").rows() == [
        ("Cat/1.png", "relabelled", "'Cat' became 'cat' (clean.labels)")
    ]


def test_pictures_may_be_stored_as_jpeg(tmp_path: Path) -> None:
    smooth = BytesIO()
    Image.linear_gradient("L").resize((64, 64)).save(smooth, "PNG")
    _, kept, _, out = run(tmp_path, [sample("a.png", smooth.getvalue())], store="jpeg", image_size=64)
    reader = open_arrays(out, kept)
    assert isinstance(reader, JpegReader) and not list(out.glob("pixels-*"))
    exact = image.clean(smooth.getvalue(), image_size=64, channels=1)[0]
    assert np.abs(reader[0].astype(int) - exact).max() <= 6


def test_what_else_the_source_knows_of_a_sample_stays_beside_it(tmp_path: Path) -> None:
    raw, out, pages = made(tmp_path / "raw"), made(tmp_path / "work"), made(tmp_path / "pages")
    samples = store(good(12), raw)[0].with_columns(camera=pl.Series(["A", "B"] * 6))
    write_table(RAW_SAMPLES, raw, samples)
    clean(make_pipeline(), raw=raw, memo=Memo((), tmp_path / "memo", tmp_path / "memo.new"), out=out, pages=pages)
    kept = read_table(CLEAN_SAMPLES, out)
    assert kept.select("origin", "camera").equals(samples.select("origin", "camera"))


def test_a_column_of_the_source_may_not_be_called_as_what_is_measured(tmp_path: Path) -> None:
    raw, out, pages = made(tmp_path / "raw"), made(tmp_path / "work"), made(tmp_path / "pages")
    write_table(RAW_SAMPLES, raw, store(good(12), raw)[0].with_columns(width=pl.lit(3)))
    with pytest.raises(ConfigError, match=r"source\.columns: width is what clean calls its own measurement"):
        clean(make_pipeline(), raw=raw, memo=Memo((), tmp_path / "memo", tmp_path / "memo.new"), out=out, pages=pages)
