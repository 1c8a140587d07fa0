"""Which sample is in which part: by hand-made cases, and by properties that hold whatever the samples are."""

import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dl_assets.artifacts.report import Report
from dl_assets.artifacts.tables import CLEAN_SAMPLES, PARTS, PARTS_TABLE, read_table, write_table
from dl_assets.config import Pipeline, Split
from dl_assets.errors import ConfigError, DataError
from dl_assets.splitting.leaks import find_leaks
from dl_assets.splitting.units import find_units
from dl_assets.stages.split import assign, split
from dl_assets.targets.classes import strata

# The same examples every time, so that a failure is a change of the code.
PROPERTY = settings(max_examples=25, deadline=None, derandomize=True, database=None)
EARLY = datetime(2026, 1, 1)


def samples_of(**classes: int) -> pl.DataFrame:
    """So many samples of each class, each with pixels of its own and without group, time or given part."""
    names = [(target, f"{target}/{index}") for target, count in classes.items() for index in range(count)]
    frame = pl.DataFrame({"id": [name for _, name in names], "target": [target for target, _ in names]})
    return with_defaults(frame.with_columns(row=pl.int_range(pl.len())))


def with_defaults(frame: pl.DataFrame) -> pl.DataFrame:
    empty = {"group": pl.String, "time": pl.Datetime("us"), "part": pl.String}
    return frame.with_columns(
        *(pl.lit(None, dtype).alias(name) for name, dtype in empty.items() if name not in frame.columns),
        *(pl.col("id").alias(name) for name in ("origin", "digest") if name not in frame.columns),
        *(pl.int_range(pl.len()).alias(name) for name in ("shard", "row") if name not in frame.columns),
    ).with_columns(*(pl.col("digest").alias("cluster") for _ in [0] if "cluster" not in frame.columns))


def run(
    folder: Path,
    samples: pl.DataFrame,
    *,
    before: str | None = None,
    name: str = "parts",
    task: str = "image_classification",
    **options: Any,
) -> tuple[Report, pl.DataFrame]:
    """Run the stage on these samples in `folder`; return its report, and the samples with their part and fold."""
    clean, out = folder / f"clean_{name}", folder / name
    for made in (clean, out):
        made.mkdir(parents=True)
    write_table(CLEAN_SAMPLES, clean, samples)
    config = Pipeline(Path("pipelines/pets.yaml"), {"task": task, "split": options})
    report = split(config, clean=clean, before=folder / before if before else None, out=out)
    parts = read_table(PARTS_TABLE, out)
    assert parts["id"].to_list() == samples["id"].to_list()
    return report, samples.drop("part").hstack(parts.drop("id"))


def parts_of(frame: pl.DataFrame) -> dict[str, str]:
    return dict(frame.select("id", "part").iter_rows())


def counts_of(frame: pl.DataFrame, *columns: str) -> dict[Any, int]:
    return {tuple(row[:-1]) if len(columns) > 1 else row[0]: row[-1] for row in frame.group_by(*columns).len().iter_rows()}


def divided(frame: pl.DataFrame, column: str, side: str) -> list[str]:
    """Names of what lies on two sides."""
    known = frame.drop_nulls(column).group_by(column).agg(pl.col(side).n_unique())
    return known.filter(pl.col(side) > 1)[column].to_list()


# ---- by chance -------------------------------------------------------------------------------------------------


def test_every_sample_has_one_part_and_the_shares_are_those_asked_for(tmp_path: Path) -> None:
    report, found = run(tmp_path, samples_of(cat=500, dog=500))
    assert report.counts == {"train": 700, "val": 150, "test": 150}
    assert found["part"].null_count() == 0
    assert [(check.name, check.passed, check.value) for check in report.checks] == [("leaked_duplicates", True, 0)]


@pytest.mark.parametrize("counts", [{"cat": 3, "dog": 3}, {"cat": 4, "dog": 1000, "fox": 7}, {"a": 5, "b": 6, "c": 8}])
def test_every_class_is_in_every_part(tmp_path: Path, counts: dict[str, int]) -> None:
    _, found = run(tmp_path, samples_of(**counts))
    assert set(counts_of(found, "target", "part")) == {(target, part) for target in counts for part in PARTS}


def test_every_class_is_cut_at_the_same_shares(tmp_path: Path) -> None:
    _, found = run(tmp_path, samples_of(cat=200, dog=40))
    assert counts_of(found, "target", "part") == {
        ("cat", "train"): 140,
        ("cat", "val"): 30,
        ("cat", "test"): 30,
        ("dog", "train"): 28,
        ("dog", "val"): 6,
        ("dog", "test"): 6,
    }


def test_without_stratify_only_the_whole_is_cut_at_the_shares(tmp_path: Path) -> None:
    report, found = run(tmp_path, samples_of(cat=100, dog=100), stratify=False)
    assert report.counts == {"train": 140, "val": 30, "test": 30}
    assert counts_of(found, "target", "part")["cat", "val"] != 15


def test_the_seed_decides(tmp_path: Path) -> None:
    found = [run(tmp_path, samples_of(cat=50, dog=50), name=f"s{seed}", seed=seed)[1] for seed in (17, 18)]
    assert not found[0]["part"].equals(found[1]["part"]) and not found[0]["fold"].equals(found[1]["fold"])


def test_without_a_split_before_ten_new_samples_move_few_of_the_old_ones(tmp_path: Path) -> None:
    first = parts_of(run(tmp_path, samples_of(cat=500, dog=500), name="a")[1])
    second = parts_of(run(tmp_path, samples_of(cat=510, dog=500), name="b")[1])
    assert sum(second[name] != part for name, part in first.items()) <= 10


def test_units_are_the_connected_components_of_digest_cluster_and_group() -> None:
    samples = pl.DataFrame(
        {
            "digest": ["a", "a", "b", "c", "d", "e", "f"],
            "cluster": ["a", "a", "b", "c", "d", "d", "f"],
            "group": ["1", None, "1", "2", None, "3", None],
        }
    )
    units = find_units(samples)
    assert [units.names[unit] for unit in units.of_sample] == ["group 1"] * 3 + ["group 2"] + ["group 3"] * 2 + ["same f"]


def test_a_group_with_two_classes_counts_in_both(tmp_path: Path) -> None:
    """Twenty pairs of a cat and a dog, each of one owner: cutting cats and dogs apart would divide the owners."""
    samples = samples_of(cat=20, dog=20).with_columns(group=pl.col("id").str.split("/").list.get(1))
    _, found = run(tmp_path, samples)
    assert divided(found, "group", "part") == []
    assert counts_of(found, "target", "part") == {
        (t, p): n for t in ("cat", "dog") for p, n in zip(PARTS, (14, 3, 3), strict=True)
    }


def test_several_labels_are_each_cut_at_the_shares(tmp_path: Path) -> None:
    targets = ["cat|dog"] * 20 + ["cat"] * 60 + ["dog|fox"] * 20 + ["fox"] * 100
    samples = samples_of(x=200).with_columns(target=pl.Series(targets))
    _, found = run(tmp_path, samples, task="image_multilabel")
    labels = found.with_columns(label=pl.col("target").str.split("|")).explode("label")
    counts = counts_of(labels, "label", "part")
    exact = {
        ("cat", "train"): 56,
        ("cat", "test"): 12,
        ("dog", "train"): 28,
        ("dog", "val"): 6,
        ("fox", "train"): 84,
        ("fox", "val"): 18,
    }
    assert {key: counts[key] for key in exact} == pytest.approx(exact, abs=1)


def test_a_hundred_thousand_samples_take_about_a_second(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    samples = samples_of(a=50_000, b=30_000, c=20_000).with_columns(
        cluster=pl.Series(rng.integers(0, 80_000, 100_000)).cast(pl.String)
    )
    started = time.process_time()
    report, found = run(tmp_path, samples)
    assert time.process_time() - started < 4  # 1.0 s where the machine has nothing else to do
    assert report.checks[0].passed and divided(found, "cluster", "fold") == []


# ---- growth ----------------------------------------------------------------------------------------------------


def test_new_samples_fill_up_what_is_missing(tmp_path: Path) -> None:
    run(tmp_path, samples_of(cat=100, dog=100), name="a")
    report, found = run(tmp_path, samples_of(cat=200, dog=100), before="a", name="b")
    assert counts_of(found, "target", "part")["cat", "train"] == 140
    assert (report.numbers["new"], report.numbers["moved"]) == (100, 0)


def test_the_rest_keeps_its_part_where_samples_are_removed(tmp_path: Path) -> None:
    _, first = run(tmp_path, samples_of(cat=100, dog=100), name="a")
    _, second = run(tmp_path, samples_of(cat=100, dog=100).gather_every(3), before="a", name="b")
    assert second.select("id", "part", "fold").equals(first.gather_every(3).select("id", "part", "fold"))


def test_other_options_make_the_split_anew(tmp_path: Path) -> None:
    run(tmp_path, samples_of(cat=100, dog=100), name="a")
    report, _ = run(tmp_path, samples_of(cat=100, dog=100), before="a", name="b", train=0.5, val=0.25, test=0.25)
    assert report.counts["train"] == 100 and report.numbers["new"] == 200


def test_what_a_new_sample_connects_goes_to_train_and_is_counted(tmp_path: Path) -> None:
    """Else a model would be tested on what an earlier one has learnt from."""
    _, first = run(tmp_path, samples_of(cat=20, dog=20), name="a")
    cats = first.filter(target="cat").group_by("part", maintain_order=True).first()["id"].to_list()  # one of each part
    grown = samples_of(cat=21, dog=20).with_columns(
        group=pl.when(pl.col("id").is_in([*cats, "cat/20"])).then(pl.lit("film")).otherwise(None)
    )
    report, second = run(tmp_path, grown, before="a", name="b")
    assert set(second.filter(group="film")["part"]) == {"train"} and second.filter(group="film")["fold"].n_unique() == 1
    assert report.numbers["moved"] in (2, 3)  # those of val and test; and the one of train where val's fold comes first
    others = {name: part for name, part in parts_of(first).items() if name not in cats}
    assert {name: parts_of(second)[name] for name in others} == others


def test_a_class_whose_test_samples_are_all_removed_is_told(tmp_path: Path) -> None:
    _, first = run(tmp_path, samples_of(cat=20, dog=20), name="a")
    left = first.filter((pl.col("target") == "cat") | (pl.col("part") != "test"))
    with pytest.raises(
        DataError, match=r"no sample of class 'dog' is in test, .* keep the part .* split\.seed splits everything anew"
    ):
        run(tmp_path, samples_of(cat=20, dog=20).join(left, on="id", how="semi"), before="a", name="b")


# ---- as given --------------------------------------------------------------------------------------------------


def given_samples(**parts: int) -> pl.DataFrame:
    """So many cats and so many dogs with each given part; `none` is no part."""
    given = [part if part != "none" else None for part, count in parts.items() for _ in range(count)]
    samples = samples_of(cat=len(given), dog=len(given))
    return samples.with_columns(part=pl.Series([*given, *given], dtype=pl.String))


def test_given_parts_are_taken(tmp_path: Path) -> None:
    samples = given_samples(train=4, val=3, test=5)
    report, found = run(tmp_path, samples)
    assert found["part"].to_list() == samples["part"].to_list()
    assert report.counts == {"train": 8, "val": 6, "test": 10, "without_given_part": 0}


def test_a_missing_val_is_cut_from_train_at_its_share_of_both(tmp_path: Path) -> None:
    samples = given_samples(train=85, test=40)
    _, found = run(tmp_path, samples, train=0.7, val=0.15, test=0.15)
    assert counts_of(found, "target", "part") == {
        (target, part): count for target in ("cat", "dog") for part, count in (("train", 70), ("val", 15), ("test", 40))
    }
    assert set(found.filter(samples["part"] == "test")["part"]) == {"test"}


def test_where_only_train_is_given_val_and_test_are_cut_from_it(tmp_path: Path) -> None:
    report, _ = run(tmp_path, given_samples(train=100), train=0.8, val=0.1, test=0.1)
    assert report.counts == {"train": 160, "val": 20, "test": 20, "without_given_part": 0}


def test_a_sample_without_given_part_goes_with_its_unit_and_else_to_train(tmp_path: Path) -> None:
    samples = given_samples(train=3, val=3, test=3, none=2).with_columns(
        group=pl.when(pl.col("id").is_in(["cat/6", "cat/9"])).then(pl.lit("film")).otherwise(None)
    )
    report, found = run(tmp_path, samples)
    assert {name: parts_of(found)[name] for name in ("cat/9", "cat/10", "dog/9")} == {
        "cat/9": "test",
        "cat/10": "train",
        "dog/9": "train",
    }
    assert report.counts["without_given_part"] == 4


def test_what_was_cut_from_train_stays_where_it_was(tmp_path: Path) -> None:
    _, first = run(tmp_path, given_samples(train=20, test=10), name="a")
    _, second = run(tmp_path, given_samples(train=20, test=30), before="a", name="b")
    common = first.join(second, on="id", how="semi")
    assert {**parts_of(second), **parts_of(common.filter(pl.col("part") == "val"))} == parts_of(second)


def test_near_duplicates_in_two_given_parts_fail_the_check_by_name(tmp_path: Path) -> None:
    samples = given_samples(train=5, val=3, test=4).with_columns(
        cluster=pl.when(pl.col("id").is_in(["cat/0", "cat/9", "dog/1", "dog/2"])).then(pl.lit("alike")).otherwise("digest")
    )
    report, found = run(tmp_path, samples)
    (check,) = report.failed()
    assert (check.name, check.value) == ("leaked_duplicates", 4)
    assert "cat/0 (train), cat/9 (test), dog/1 (train), dog/2 (train) (near duplicates)" in check.detail
    assert found["part"].to_list() == samples["part"].to_list()


def test_parts_may_be_given_and_not_be_wanted(tmp_path: Path) -> None:
    report, _ = run(tmp_path, given_samples(train=10, val=10, test=80), by="random")
    assert report.counts == {"train": 140, "val": 30, "test": 30}


def test_a_source_that_gives_no_parts_is_told_from_one_that_does(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"split\.by is given, but the source gives no sample a part\. Write split: \{by: random\}"
    ):
        run(tmp_path, samples_of(cat=10, dog=10), by="given")


def test_a_source_that_gives_nothing_to_train_on_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="gives all 20 samples to val or test and none to train"):
        run(tmp_path, given_samples(val=5, test=5))


# ---- by time ---------------------------------------------------------------------------------------------------


def timed(days: list[int], **columns: Any) -> pl.DataFrame:
    frame = samples_of(cat=len(days)).with_columns(
        time=pl.Series([EARLY + timedelta(days=day) for day in days], dtype=pl.Datetime("us")),
        target=pl.Series(["cat", "dog"] * len(days))[: len(days)],
    )
    return frame.with_columns(**{name: pl.Series(values, dtype=pl.String) for name, values in columns.items()})


def test_the_oldest_are_train_and_the_newest_are_test(tmp_path: Path) -> None:
    _, found = run(tmp_path, timed([*range(20, 0, -1)]), by="time")
    assert found["part"].to_list() == ["test"] * 3 + ["val"] * 3 + ["train"] * 14


def test_equal_times_are_never_divided(tmp_path: Path) -> None:
    days = [1] * 5 + [2] * 9 + [3] * 5 + [4]
    _, found = run(tmp_path, timed(days), by="time")
    assert divided(found.with_columns(day=pl.Series(days)), "day", "part") == []
    assert set(found["part"]) == set(PARTS)


def test_a_unit_is_as_old_as_its_latest_sample(tmp_path: Path) -> None:
    _, found = run(tmp_path, timed([*range(20)], group=["film" if day in (0, 19) else None for day in range(20)]), by="time")
    assert found["part"][0] == found["part"][19] == "test" and found["part"][1] == "train"


def test_by_time_later_samples_are_test_and_earlier_ones_keep_their_part(tmp_path: Path) -> None:
    _, first = run(tmp_path, timed([*range(20)]), by="time", name="a")
    _, second = run(tmp_path, timed([*range(30)]), by="time", before="a", name="b")
    assert second["part"][:20].to_list() == first["part"].to_list() and set(second["part"][20:]) == {"test"}
    _, third = run(tmp_path, timed([*range(20), 5]), by="time", before="a", name="c")
    assert third["part"][20] == "train"


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (
            samples_of(cat=5, dog=5),
            r"10 samples or groups of the source have no time, such as cat/0, cat/1, cat/2\. .*by: random",
        ),
        (timed([1, 1, 2, 2, 2]), "only 2 different times"),
    ],
)
def test_times_that_cannot_be_split_are_told(tmp_path: Path, samples: pl.DataFrame, message: str) -> None:
    with pytest.raises(DataError, match=message):
        run(tmp_path, samples, by="time")


# ---- folds -----------------------------------------------------------------------------------------------------


def test_folds_are_as_even_as_can_be_in_each_class_and_in_all(tmp_path: Path) -> None:
    rare = {f"rare {index}": 3 for index in range(10)}  # two of each in train and val
    _, found = run(tmp_path, samples_of(cat=200, dog=43, **rare), folds=4)
    dealt = found.filter(pl.col("part") != "test")
    assert set(found.filter(part="test")["fold"]) == {None} and set(dealt["fold"]) == {0, 1, 2, 3}
    sizes = np.array(list(counts_of(dealt, "fold").values()))
    assert np.ptp(sizes) <= 1
    by_class = counts_of(dealt, "target", "fold")
    for target in ("cat", "dog"):
        assert np.ptp([by_class[target, fold] for fold in range(4)]) <= 1


# ---- what is told ----------------------------------------------------------------------------------------------


def test_a_leak_is_found_in_the_table_whoever_made_it() -> None:
    samples = samples_of(cat=6).with_columns(
        digest=pl.Series(["x", "x", "y", "z", "u", "v"]),
        cluster=pl.Series(["x", "x", "y", "z", "u", "u"]),
        group=pl.Series([None, None, "g", "g", None, None]),
        part=pl.Series(["train", "test"] * 2 + ["val", "val"]),
    )
    check = find_leaks(samples)
    assert not check.passed and check.value == 4
    assert (
        "cat/1 (test), cat/0 (train) (same pixels)" in check.detail
        or "cat/0 (train), cat/1 (test) (same pixels)" in check.detail
    )
    assert "cat/2 (train), cat/3 (test) (same group g)" in check.detail and "cat/4" not in check.detail


def test_a_class_of_two_is_named_with_its_count_and_the_remedies(tmp_path: Path) -> None:
    with pytest.raises(
        DataError,
        match=r"class 'dog' has 2 samples after clean, but train, val and test need one each\. Add samples of 'dog', "
        r"remove the class from the source, or write split: \{stratify: false\}",
    ):
        run(tmp_path, samples_of(cat=10, dog=2))


def test_a_class_of_two_is_fine_without_stratify(tmp_path: Path) -> None:
    assert set(run(tmp_path, samples_of(cat=10, dog=2), stratify=False)[1]["part"]) == set(PARTS)


def test_a_class_of_one_group_cannot_be_divided(tmp_path: Path) -> None:
    samples = samples_of(cat=10, dog=5).with_columns(
        group=pl.when(pl.col("target") == "dog").then(pl.lit("one dog")).otherwise(None)
    )
    with pytest.raises(DataError, match=r"class 'dog' has 5 samples that may not be divided further than into 1"):
        run(tmp_path, samples)


@pytest.mark.parametrize(
    ("counts", "message"),
    [({"cat": 1, "dog": 1}, "only 2 samples are left after clean"), ({"cat": 9}, "all 9 samples .* have the target 'cat'")],
)
def test_too_little_data_is_told(tmp_path: Path, counts: dict[str, int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        run(tmp_path, samples_of(**counts))


@pytest.mark.parametrize("options", [{"train": 0.5}, {"by": "chance"}, {"folds": 1}])
def test_options_that_make_no_sense_are_told(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="split"):
        run(tmp_path, samples_of(cat=10, dog=10), **options)


# ---- properties ------------------------------------------------------------------------------------------------


@st.composite
def messy(draw: st.DrawFn) -> pl.DataFrame:
    """Thirty to ninety samples of two or three classes, of which some share a digest, a cluster or a group."""
    size = draw(st.integers(30, 90))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    spread = draw(st.integers(1, 3))
    digest = rng.integers(0, spread * size, size)
    cluster = np.where(rng.random(size) < draw(st.floats(0, 0.3)), digest[rng.permutation(size)], digest)
    cluster = np.array([cluster[digest == one][0] for one in digest])  # equal pixels are near duplicates too
    group = [f"g{one}" if rng.random() < 0.3 else None for one in rng.integers(0, size // 3, size)]
    return with_defaults(
        pl.DataFrame(
            {
                "id": [f"s{index}" for index in range(size)],
                "target": rng.choice(["cat", "dog", "fox"][: draw(st.integers(2, 3))], size).tolist(),
                "digest": [f"d{one}" for one in digest],
                "cluster": [f"c{one}" for one in cluster],
                "group": pl.Series(group, dtype=pl.String),
            }
        )
    )


def divide(samples: pl.DataFrame, before: pl.DataFrame | None = None, **options: Any) -> pl.DataFrame | None:
    """Assign without files and, by default, without strata, by which nearly any samples can be split."""
    empty = pl.DataFrame(schema={"id": pl.String, "part": pl.String, "fold": pl.Int64})
    earlier = samples.select("id").join(empty if before is None else before, on="id", how="left", maintain_order="left")
    config = Split(**{"stratify": False, **options})
    try:
        found, _ = assign(samples, strata(samples["target"]), config, earlier.select("part", "fold"))
    except DataError:
        assert len(find_units(samples)) < 8  # nearly all of them belong together
        return None
    return samples.drop("part").join(found, on="id", maintain_order="left")


@PROPERTY
@given(samples=messy(), seed=st.integers(0, 5))
def test_property_no_unit_is_on_two_sides_and_every_sample_has_one(samples: pl.DataFrame, seed: int) -> None:
    found = divide(samples, seed=seed, folds=3)
    if found is not None:
        assert set(found["part"]) == set(PARTS) and find_leaks(found).passed
        for column in ("digest", "cluster", "group"):
            assert divided(found, column, "part") == [] == divided(found, column, "fold")
        assert (found["fold"].is_null() == (found["part"] == "test")).all()
        assert set(found["fold"].drop_nulls()) <= {0, 1, 2}


@PROPERTY
@given(samples=messy(), seed=st.integers(0, 2**32 - 1))
def test_property_the_order_of_the_samples_does_not_matter(samples: pl.DataFrame, seed: int) -> None:
    found, again = divide(samples), divide(samples.sample(fraction=1, shuffle=True, seed=seed))
    if found is not None:
        assert again is not None and again.sort("id").equals(found.sort("id"))


@PROPERTY
@given(samples=messy(), share=st.floats(0.3, 0.9), seed=st.integers(0, 99))
def test_property_a_sample_keeps_part_and_fold_when_data_is_added(samples: pl.DataFrame, share: float, seed: int) -> None:
    old = samples.sample(fraction=share, seed=seed)
    first = divide(old)
    second = None if first is None else divide(samples, first.select("id", "part", "fold"))
    if first is None or second is None:
        return
    both = first.join(second, on="id", suffix="_after")
    changed = both.filter((pl.col("part") != pl.col("part_after")) | pl.col("fold").ne_missing(pl.col("fold_after")))
    assert find_leaks(second).passed
    # Only where new samples connect what was apart may an old one move, and never into test.
    unit_before = dict(zip(old["id"], find_units(old).of_sample.tolist(), strict=True))
    unit_after = dict(zip(samples["id"], find_units(samples).of_sample.tolist(), strict=True))
    for name, after in changed.select("id", "part_after").rows():
        assert len({unit_before[other] for other in old["id"] if unit_after[other] == unit_after[name]}) > 1
        assert after != "test"


@PROPERTY
@given(
    growths=st.lists(st.integers(0, 40), min_size=1, max_size=4),
    shares=st.sampled_from([(0.7, 0.15, 0.15), (0.5, 0.3, 0.2), (0.9, 0.05, 0.05)]),
)
def test_property_shares_are_exact_however_the_data_grew(growths: list[int], shares: tuple[float, ...]) -> None:
    """Units of one sample: less than one sample off at first, and less than two after any growth, in each class."""
    options = dict(zip(PARTS, shares, strict=True))
    count, found = 20, None
    for growth in [0, *growths]:
        count, is_fresh = count + growth, found is None
        before = None if found is None else found.select("id", "part", "fold")
        found = divide(samples_of(cat=count, dog=2 * count), before, stratify=True, **options)
        assert found is not None
        counts = counts_of(found, "target", "part")
        for target, total in (("cat", count), ("dog", 2 * count)):
            assert all(abs(counts[target, part] - share * total) < (1 if is_fresh else 2) for part, share in options.items())


@PROPERTY
@given(samples=messy(), given_share=st.floats(0.1, 0.9), seed=st.integers(0, 99))
def test_property_what_is_given_stays_and_only_what_is_given_can_leak(
    samples: pl.DataFrame, given_share: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    drawn = [rng.choice(["train", "test"]) if rng.random() < given_share else None for _ in range(len(samples))]
    samples = samples.with_columns(part=pl.Series(["train", "test", *drawn[2:]], dtype=pl.String))
    found = divide(samples)
    if found is not None:
        assert set(found.filter(samples["part"] == "test")["part"]) == {"test"}
        assert set(found.filter(samples["part"] == "train")["part"]) <= {"train", "val"}
        unit = pl.Series(find_units(samples).of_sample)
        sides = samples.with_columns(unit=unit).drop_nulls("part").group_by("unit").agg(pl.col("part").n_unique())
        assert find_leaks(found).passed == (sides["part"].max() == 1)
