"""Which samples each fold measures, chooses by and learns from."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from dl_assets.artifacts.tables import CLEAN_SAMPLES, PARTS_TABLE, write_table
from dl_assets.config import Pipeline
from dl_assets.errors import ArtifactError, ConfigError, DataError
from dl_assets.operations.crossval.folds import choose_folds, require_folds, with_roles

Make = Callable[..., Pipeline]
CLEAN, PARTS = Path("data/tiny/clean"), Path("data/tiny/parts")


def choose(config: Pipeline, num_folds: int) -> pl.DataFrame:
    return choose_folds(config, num_folds, clean=CLEAN, parts=PARTS)


def rewrite(samples: pl.DataFrame) -> None:
    write_table(CLEAN_SAMPLES, CLEAN, samples.drop("fold").with_columns(part=pl.lit(None, pl.String)))
    write_table(PARTS_TABLE, PARTS, samples.select("id", "part", "fold"))


def test_as_many_folds_as_split_made_are_those_of_split(samples: pl.DataFrame, pipeline: Make) -> None:
    expected = samples.filter(pl.col("part") != "test").select("id", "part", "fold")
    assert choose(pipeline(), 5).select("id", "part", "fold").equals(expected)


@pytest.mark.parametrize("num_folds", [3, 7])
def test_another_number_of_folds_is_stratified_and_leaves_test_alone(
    samples: pl.DataFrame, pipeline: Make, num_folds: int
) -> None:
    found = choose(pipeline(), num_folds)
    assert found["id"].to_list() == samples.filter(pl.col("part") != "test")["id"].to_list()
    counts = found.group_by("fold", "target").len()["len"]
    assert len(counts) == 2 * num_folds
    assert set(counts) <= {15 // num_folds, -(-15 // num_folds)}


def test_another_number_of_folds_is_drawn_as_split_draws_it(samples: pl.DataFrame, pipeline: Make, tmp_path: Path) -> None:
    from dl_assets.stages.split import split

    (tmp_path / "six").mkdir()
    options = {"folds": 6, "by": "given"}
    write_table(CLEAN_SAMPLES, CLEAN, samples.drop("fold"))  # with the parts that are there as those of the source
    split(pipeline(split=options), clean=CLEAN, before=None, out=tmp_path / "six")
    made = pl.read_parquet(tmp_path / "six" / "parts.parquet").drop_nulls("fold").select("id", "fold")
    assert choose(pipeline(), 6).select("id", "fold").equals(made)


def test_groups_and_near_duplicates_are_never_divided(samples: pl.DataFrame, pipeline: Make) -> None:
    group = pl.when(pl.col("part") != "test").then(pl.format("photographer{}", pl.int_range(pl.len()) // 4))
    cluster = pl.when(pl.int_range(pl.len()) < 8).then(pl.lit("look alike")).otherwise("id")  # two groups of four
    rewrite(samples.with_columns(group=group, cluster=cluster))
    found = choose(pipeline(), 4)
    assert found.group_by("group").agg(pl.col("fold").n_unique())["fold"].unique().to_list() == [1]
    assert found.filter(cluster="look alike")["fold"].n_unique() == 1
    assert found["fold"].n_unique() == 4


def test_each_fold_is_measured_once_and_chooses_by_the_next_one(samples: pl.DataFrame, pipeline: Make) -> None:
    used = choose(pipeline(), 5)
    for fold in range(5):
        found = with_roles(used, fold, 5)
        assert found.filter(part="test")["fold"].unique().to_list() == [fold]
        assert found.filter(part="val")["fold"].unique().to_list() == [(fold + 1) % 5]
        assert found.filter(part="train")["fold"].n_unique() == 3
        assert found["id"].to_list() == used["id"].to_list()


def test_two_folds_are_too_few_and_the_remedy_is_a_command() -> None:
    with pytest.raises(ConfigError, match=r"with 2 folds is not possible: .* Run: dl crossval tiny --folds 3$"):
        require_folds(2, "tiny")


def test_more_folds_than_the_smallest_class_has_samples_are_told(samples: pl.DataFrame, pipeline: Make) -> None:
    few = samples.filter((pl.col("target") == "left") | (pl.int_range(pl.len()) < 8) | (pl.col("part") == "test"))
    rewrite(few)
    with pytest.raises(
        ConfigError, match=r"class 'right' has 4 samples in train and val, .* Take 4 folds or fewer \(--folds 4\)"
    ):
        choose(pipeline(), 5)


def test_more_folds_than_groups_are_told(samples: pl.DataFrame, pipeline: Make) -> None:
    rewrite(samples.with_columns(group=pl.format("g{}", pl.int_range(pl.len()) // 10)))
    with pytest.raises(ConfigError, match=r"class 'left' has 15 samples .* further than into 3 .*--folds 3\)"):
        choose(pipeline(), 5)


def test_a_class_of_two_samples_needs_more_samples(samples: pl.DataFrame, pipeline: Make) -> None:
    rewrite(samples.filter((pl.col("target") == "left") | (pl.int_range(pl.len()) < 4) | (pl.col("part") == "test")))
    with pytest.raises(ConfigError, match=r"class 'right' has 2 samples .* every fold needs one\. Add samples of 'right'\.$"):
        choose(pipeline(), 3)


def test_without_strata_too_few_samples_are_told_without_a_class(samples: pl.DataFrame, pipeline: Make) -> None:
    with pytest.raises(ConfigError, match=r"there are 30 samples in train and val, .*--folds 30\), or add samples\.$"):
        choose(pipeline(split={"stratify": False}), 31)


def test_a_class_that_would_be_missing_from_a_fold_s_train_samples_is_told_at_once(
    samples: pl.DataFrame, pipeline: Make
) -> None:
    lone = pl.when(pl.col("fold").is_in([1, 2]) & (pl.col("target") == "left")).then(pl.lit("odd")).otherwise("target")
    rewrite(samples.with_columns(target=lone))
    with pytest.raises(DataError, match=r"pipelines/tiny\.yaml: fold 1 of 5 cannot be trained: .*: odd"):
        choose(pipeline(), 5)


def test_a_fold_that_has_become_empty_is_told(samples: pl.DataFrame, pipeline: Make) -> None:
    rewrite(samples.with_columns(fold=pl.when(pl.col("fold") == 3).then(2).otherwise("fold")))
    with pytest.raises(DataError, match=r"one is empty, .*another split\.seed.* --folds 4$"):
        choose(pipeline(), 5)


def test_without_parts_the_remedy_is_to_make_them(samples: pl.DataFrame, pipeline: Make) -> None:
    (PARTS / "parts.parquet").unlink()
    with pytest.raises(ArtifactError, match=r"parts\.parquet does not exist\. .* dl run tiny"):
        choose(pipeline(), 5)
