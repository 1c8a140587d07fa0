from pathlib import Path
from typing import Any

import polars as pl
import pytest

from dl_assets.artifacts.report import Report
from dl_assets.artifacts.tables import CLEAN_SAMPLES, PARTS, PARTS_TABLE, read_table, write_table
from dl_assets.config import Pipeline
from dl_assets.errors import DataError
from dl_assets.stages.split import assign_parts, name_units, split, summarise


def make_pipeline(**sections: Any) -> Pipeline:
    document = {"task": "image_classification", "clean": {"image_size": 8, "channels": 1}, "split": {}, **sections}
    return Pipeline(Path("pipelines/pets.yaml"), document)


def made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def samples_of(**classes: int) -> pl.DataFrame:
    """So many samples of each class, each with pixels of its own and no group."""
    names = [(target, f"{target}/{index}") for target, count in classes.items() for index in range(count)]
    return pl.DataFrame({"id": [name for _, name in names], "target": [target for target, _ in names]}).with_columns(
        group=pl.lit(None, pl.String), origin="id", digest="id", shard=pl.lit(0, pl.Int64), row=pl.int_range(pl.len())
    )


def parts_of(samples: pl.DataFrame, **options: Any) -> dict[str, str]:
    config = make_pipeline(split=options)
    return dict(zip(samples["id"], assign_parts(samples, config.split, config.path), strict=True))


def run(folder: Path, samples: pl.DataFrame, **options: Any) -> tuple[Report, pl.DataFrame]:
    clean, out = made(folder / "clean"), made(folder / "parts")
    write_table(CLEAN_SAMPLES, clean, samples)
    report = split(make_pipeline(split=options), clean=clean, out=out)
    return report, read_table(PARTS_TABLE, out)


def test_every_sample_has_exactly_one_part_and_the_shares_are_those_asked_for(tmp_path: Path) -> None:
    report, parts = run(tmp_path, samples_of(cat=500, dog=500))
    assert report.counts == {"train": 700, "val": 150, "test": 150}
    assert parts["id"].n_unique() == len(parts) == 1000 and parts["fold"].null_count() == 1000
    assert [(check.name, check.passed, check.value) for check in report.checks] == [("leaked_duplicates", True, 0)]


@pytest.mark.parametrize("counts", [{"cat": 3, "dog": 3}, {"cat": 4, "dog": 1000, "fox": 7}, {"a": 5, "b": 6, "c": 8}])
def test_every_class_is_in_every_part(counts: dict[str, int]) -> None:
    parts = parts_of(samples_of(**counts))
    assert {(name.split("/")[0], part) for name, part in parts.items()} == {(t, p) for t in counts for p in PARTS}


def test_every_class_is_cut_at_the_same_shares() -> None:
    samples = samples_of(cat=200, dog=40)
    table = samples.with_columns(part=assign_parts(samples, make_pipeline().split, Path("x"))).group_by("target", "part").len()
    assert {(t, p): n for t, p, n in table.iter_rows()} == {
        ("cat", "train"): 140,
        ("cat", "val"): 30,
        ("cat", "test"): 30,
        ("dog", "train"): 28,
        ("dog", "val"): 6,
        ("dog", "test"): 6,
    }


@pytest.mark.parametrize("stratify", [True, False])
def test_the_order_of_the_samples_does_not_matter_and_the_seed_does(stratify: bool) -> None:
    samples = samples_of(cat=50, dog=50)
    before = parts_of(samples, stratify=stratify)
    assert before == parts_of(samples.sample(fraction=1, shuffle=True, seed=3), stratify=stratify)
    assert before != parts_of(samples, stratify=stratify, seed=18)


def test_ten_new_samples_move_few_of_the_old_ones() -> None:
    before, after = parts_of(samples_of(cat=500, dog=500)), parts_of(samples_of(cat=510, dog=500))
    assert sum(after[name] != part for name, part in before.items()) <= 10


def test_equal_pixels_are_never_in_two_parts() -> None:
    samples = samples_of(cat=60, dog=60).with_columns(digest=pl.col("target") + (pl.col("row") % 10).cast(pl.String))
    parts = parts_of(samples)
    together = samples.with_columns(part=pl.col("id").replace_strict(parts)).group_by("digest").agg(pl.col("part").n_unique())
    assert together["part"].max() == 1


def test_a_group_is_never_in_two_parts_even_where_only_a_duplicate_links_it() -> None:
    samples = samples_of(cat=40, dog=40).with_columns(group=(pl.col("row") // 4).cast(pl.String))
    linked = samples.with_columns(digest=pl.when(pl.col("row").is_in([3, 4])).then(pl.lit("same")).otherwise("digest"))
    parts = parts_of(linked)
    assert len({parts[f"cat/{index}"] for index in range(8)}) == 1
    assert summarise(linked.with_columns(part=pl.col("id").replace_strict(parts))).checks[0].passed


def test_units_are_the_connected_components() -> None:
    samples = pl.DataFrame({"digest": ["a", "a", "b", "c", "d"], "group": ["1", None, "1", "2", None]})
    units = name_units(samples).to_list()
    assert units[0] == units[1] == units[2] and len({units[0], units[3], units[4]}) == 3


def test_a_leak_is_found_in_the_table_whoever_made_it() -> None:
    samples = samples_of(cat=4).with_columns(
        digest=pl.Series(["x", "x", "y", "z"]), group=pl.Series([None, None, "g", "g"]), part=pl.Series(["train", "test"] * 2)
    )
    check = summarise(samples).checks[0]
    assert not check.passed and check.value == 2 and check.detail == "In more than one part: digest x, group g."


def test_a_class_of_two_is_named_with_its_count_and_the_remedies() -> None:
    with pytest.raises(
        DataError,
        match=r"pipelines/pets\.yaml: class 'dog' has 2 samples after clean.*Add samples of 'dog', "
        r"remove the class from the source, or write split: \{stratify: false\}",
    ):
        parts_of(samples_of(cat=10, dog=2))


def test_a_class_of_two_is_fine_without_stratify() -> None:
    assert set(parts_of(samples_of(cat=10, dog=2), stratify=False).values()) == set(PARTS)


def test_a_class_of_one_group_cannot_be_divided() -> None:
    samples = samples_of(cat=10, dog=5).with_columns(
        group=pl.when(pl.col("target") == "dog").then(pl.lit("one dog")).otherwise(None)
    )
    with pytest.raises(DataError, match=r"class 'dog' has 5 samples that may not be divided further than into 1"):
        parts_of(samples)


def test_a_class_that_hides_in_the_groups_of_others_is_named() -> None:
    samples = samples_of(cat=30, dog=1).with_columns(
        group=pl.when(pl.col("row").is_in([28, 29, 30])).then(pl.lit("g")).otherwise(None)
    )
    with pytest.raises(DataError, match=r"no sample of class 'dog' is in .* because its groups also hold"):
        parts_of(samples)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"cat": 1, "dog": 1}, "only 2 samples are left after clean"),
        ({"cat": 9}, "all 9 samples .* of the class 'cat'"),
        ({}, "only 0 samples"),
    ],
)
def test_too_little_data_is_told(counts: dict[str, int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        parts_of(samples_of(**counts))
