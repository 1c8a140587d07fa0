"""Samples are put into the same slices whatever asks for them: by target, by what the source gave, and by content."""

import json
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from dl_assets.config import Pipeline
from dl_assets.explanations.slicing import memberships
from dl_assets.inputs._table.codes import codes_of


def config(task: str) -> Pipeline:
    return Pipeline(Path("pipelines/case.yaml"), {"task": task})


def found(task: str, samples: pl.DataFrame, clean: Path) -> dict[tuple[str, str], list[int]]:
    slices = memberships(config(task), samples=samples, clean=clean)
    assert all(one.members.dtype == np.int64 and len(one.members) for one in slices)
    return {(one.column, one.values): one.members.tolist() for one in slices}


@pytest.fixture
def pictures(tmp_path: Path) -> pl.DataFrame:
    """Eight pictures, dark to bright, as clean stores them; nothing is known of them but their target."""
    levels = np.array([10, 20, 30, 40, 150, 160, 170, 180], dtype=np.uint8)
    np.save(tmp_path / "pixels-00000.npy", np.broadcast_to(levels[:, None, None, None], (8, 2, 2, 1)))
    origins = [f"{number}.png" for number in range(8)]
    return pl.DataFrame(
        {
            "id": origins,
            "target": ["cat", "dog", "cat", "dog", "dog", "cat", "dog", "cat"],
            "origin": origins,
            "shard": 0,
            "row": range(8),
            "part": "test",
        }
    )


def test_classes_are_slices_and_brightness_is_measured_where_clean_did_not(pictures: pl.DataFrame, tmp_path: Path) -> None:
    assert found("image_classification", pictures, tmp_path) == {
        ("target", "cat"): [0, 2, 5, 7],
        ("target", "dog"): [1, 3, 4, 6],
        ("brightness", "0.03922 to 0.07843"): [0, 1],
        ("brightness", "0.1176 to 0.1569"): [2, 3],
        ("brightness", "0.5882 to 0.6275"): [4, 5],
        ("brightness", "0.6667 to 0.7059"): [6, 7],
    }


def test_a_sample_is_in_the_slice_of_each_of_its_labels(pictures: pl.DataFrame, tmp_path: Path) -> None:
    samples = pictures.with_columns(target=pl.Series(["cat|dog", "dog", "cat", "", "dog", "cat", "dog", "cat|dog"]))
    slices = found("image_multilabel", samples, tmp_path)
    assert slices["target", "cat"] == [0, 2, 5, 7] and slices["target", "dog"] == [0, 1, 4, 6, 7]
    assert slices["target", "no label"] == [3]


def test_columns_that_the_source_gave_are_slices_and_those_of_our_own_are_not(pictures: pl.DataFrame, tmp_path: Path) -> None:
    samples = pictures.with_columns(
        camera=pl.Series(["A", "A", "B", "A", "A", "B", None, "A"]),
        age=pl.Series([1, 2, 3, 4, 5, 6, 7, 8]),
        is_old=pl.Series([True] * 3 + [False] * 5),
        time=pl.Series([datetime(2024, 1, day) for day in (1, 1, 1, 1, 2, 2, 2, 2)]),
        group=pl.Series([f"patient {number}" for number in range(8)]),
        digest=pl.Series(["x"] * 3 + ["y"] * 5),
        hash=pl.Series([1, 2, 3, 4, 5, 6, 7, 8], dtype=pl.UInt64),
    )
    slices = found("image_classification", samples, tmp_path)
    assert {column for column, _ in slices} == {"target", "camera", "age", "is_old", "time"}
    assert slices["camera", "A"] == [0, 1, 3, 4, 7] and slices["camera", "B"] == [2, 5] and slices["camera", "missing"] == [6]
    assert slices["age", "1 to 2"] == [0, 1] and slices["is_old", "true"] == [0, 1, 2]
    assert slices["time", "2024-01-01"] == [0, 1, 2, 3]


def test_pictures_are_cut_by_the_size_that_they_had_and_by_what_clean_measured(pictures: pl.DataFrame, tmp_path: Path) -> None:
    samples = pictures.with_columns(
        width=pl.Series([20, 10, 30, 40, 50, 60, 70, 80]),
        height=pl.Series([10, 20, 30, 40, 50, 60, 70, 80]),
        brightness=pl.Series([0.5] * 8),
        sharpness=pl.Series([1.0] * 4 + [2.0] * 4),
    )
    slices = found("image_classification", samples, tmp_path)
    assert [(values, members) for (column, values), members in slices.items() if column == "size in px"] == [
        ("20 x 10", [0, 1]),  # as large as 10 x 20
        ("30 x 30 to 40 x 40", [2, 3]),
        ("50 x 50 to 60 x 60", [4, 5]),
        ("70 x 70 to 80 x 80", [6, 7]),
    ]
    assert slices["sharpness", "1"] == [0, 1, 2, 3] and not any(column == "brightness" for column, _ in slices)


def test_a_folder_is_a_slice_where_it_says_more_than_the_class(pictures: pl.DataFrame, tmp_path: Path) -> None:
    by_class = pictures.with_columns(origin=pl.format("{}/{}", "target", "id"))
    assert not any(column == "folder" for column, _ in found("image_classification", by_class, tmp_path))
    visits = pictures.with_columns(origin=pl.format("{}/{}", pl.Series(["may/a"] * 3 + ["june"] * 5), "id"))
    slices = found("image_classification", visits, tmp_path)
    assert slices["folder", "may/a"] == [0, 1, 2] and slices["folder", "june"] == [3, 4, 5, 6, 7]


def test_without_a_sample_there_is_no_slice(pictures: pl.DataFrame, tmp_path: Path) -> None:
    assert memberships(config("image_classification"), samples=pictures.head(0), clean=tmp_path) == []


@pytest.mark.parametrize("task", ["tabular_classification", "tabular_regression"])
def test_rows_of_a_table_are_cut_by_their_columns_too(task: str, tmp_path: Path) -> None:
    colours = pl.Series(["red", "red", "blue", None, "blue", "red", "blue", "red"])
    sizes = np.array([1.0, 2, 3, 4, 5, 6, 7, np.nan])
    np.save(tmp_path / "pixels-00000.npy", np.column_stack([codes_of(colours), sizes]))
    columns = [{"name": "colour", "kind": "category"}, {"name": "size", "kind": "number"}]
    document = {"columns": columns, "words": {"colour": ["blue", "red"]}, "schema": {}}
    (tmp_path / "columns.json").write_text(json.dumps(document))
    samples = pl.DataFrame({"target": ["1", "2", "1", "1", "2", "2", "1", "2"], "shard": 0, "row": range(8)})
    slices = found(task, samples, tmp_path)
    assert slices["target", "1"] == [0, 2, 3, 6] and slices["target", "2"] == [1, 4, 5, 7]
    assert slices["colour", "red"] == [0, 1, 5, 7] and slices["colour", "missing"] == [3]
    assert slices["size", "1 to 2"] == [0, 1] and slices["size", "missing"] == [7]
