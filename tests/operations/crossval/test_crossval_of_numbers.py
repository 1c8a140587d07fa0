"""A cross-validation of a target that is a number: the same folds, measured and told by what such an answer is."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import r2_score

from dl_assets.artifacts.tables import CLEAN_SAMPLES, write_table
from dl_assets.config import Pipeline
from dl_assets.errors import ConfigError
from dl_assets.operations.crossval.folds import choose_folds
from dl_assets.operations.crossval.run import crossval
from dl_assets.operations.crossval.show import print_result
from dl_assets.registry import module
from dl_assets.tasks._task import Task

Make = Callable[..., Pipeline]
FOLDER = Path("data/tiny/crossval")
CLEAN, PARTS = Path("data/tiny/clean"), Path("data/tiny/parts")


@pytest.fixture
def numbers(samples: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> pl.DataFrame:
    """The tiny pictures, each with a number: those that are bright on the right have the larger ones."""
    monkeypatch.setattr(
        module("tasks", "image_classification"), "image_classification", Task("image", "numbers", "image->vector")
    )
    values = np.arange(len(samples)) % 2 * 1000 + np.random.default_rng(0).normal(0, 50, len(samples))
    numbered = samples.with_columns(target=pl.Series([f"{value:.3f}" for value in values]))
    write_table(CLEAN_SAMPLES, CLEAN, numbered.drop("fold").with_columns(part=pl.lit(None, pl.String)))
    return numbered


def test_every_sample_of_train_and_val_is_measured_once_and_told_in_units_of_the_target(
    numbers: pl.DataFrame, pipeline: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crossval(pipeline(epochs=8, learning_rate=0.02), 5, "key")
    predictions = pl.read_parquet(FOLDER / "predictions.parquet")
    result = json.loads((FOLDER / "crossval.json").read_text())
    assert predictions["id"].to_list() == sorted(numbers.filter(pl.col("part") != "test")["id"])
    assert predictions.columns == ["id", "part", "fold", "target", "prediction", "low", "high"]
    assert predictions.join(numbers, on=["id", "part", "fold"]).height == 30
    for fold in result["each"]:
        held_out = predictions.filter(fold=fold["fold"])
        assert fold["metrics"]["r2"] == pytest.approx(r2_score(held_out["target"].cast(float), held_out["prediction"]))
    assert result["metrics"]["classes"] == {} and result["metrics"]["r2"]["mean"] > 0.5
    page = (FOLDER / "crossval.html").read_text()
    assert "R² is 0." in page and "Class by class" not in page
    print_result("tiny", tmp_path, as_json=False)
    assert "rmse" in capsys.readouterr().out


def test_a_fold_that_chooses_the_epoch_by_few_samples_has_no_intervals(numbers: pl.DataFrame, pipeline: Make) -> None:
    crossval(pipeline(), 5, "key")  # six samples a fold
    assert pl.read_parquet(FOLDER / "predictions.parquet")["low"].null_count() == 30
    assert "interval_coverage" not in json.loads((FOLDER / "crossval.json").read_text())["metrics"]


def test_a_range_of_the_target_need_not_reach_every_fold(numbers: pl.DataFrame, pipeline: Make) -> None:
    assert choose_folds(pipeline(), 25, clean=CLEAN, parts=PARTS)["fold"].n_unique() == 25
    with pytest.raises(ConfigError, match="there are 30 samples in train and val, and every fold needs one"):
        choose_folds(pipeline(), 31, clean=CLEAN, parts=PARTS)
