"""A row with a number far beyond the others is found, and told with its column."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from dl_assets import registry
from dl_assets.checks.outlier import outlier


class Rows:
    def __init__(self, values: NDArray[np.float64]) -> None:
        self._values = values

    def __len__(self) -> int:
        return len(self._values)

    def batch(self, indices: NDArray[np.int64]) -> NDArray[np.float64]:
        return self._values[indices]


def find(folder: Path, values: NDArray[np.float64], *kinds: str, **options: float) -> list[tuple[str, str]]:
    columns = [{"name": f"c{place}", "kind": kind} for place, kind in enumerate(kinds)]
    (folder / "columns.json").write_text(json.dumps({"columns": columns, "words": {}}))
    samples = pl.DataFrame({"id": [f"row {index}" for index in range(len(values))]}, schema={"id": pl.String})
    return outlier(samples, Rows(values), folder, **options).rows()  # type: ignore[arg-type]


def grid(num: int = 101) -> NDArray[np.float64]:
    """0 to 100: the quartiles are 25 and 75."""
    return np.linspace(0, 100, num)[:, None]


def test_a_number_beyond_the_quartiles_is_found_and_told(tmp_path: Path) -> None:
    values = grid()
    values[100] = 580.0
    told = "c0 is 580, 10.1 interquartile ranges beyond 25 to 75 (max_spread is 10)"
    assert find(tmp_path, values, "number") == [("row 100", told)]
    assert find(tmp_path, values, "number", max_spread=10.2) == []


def test_the_furthest_comes_first_and_names_its_worst_column(tmp_path: Path) -> None:
    values = np.concatenate([grid(), grid()], axis=1)
    values[3], values[5] = (700, 0), (-2000, 900)
    found = find(tmp_path, values, "number", "number")
    assert [name for name, _ in found] == ["row 5", "row 3"]
    assert found[0][1].startswith("c0 is -2000") and found[0][1].endswith("; so is another column")


@pytest.mark.parametrize("kind", ["category", "date"])
def test_other_kinds_are_left_alone(tmp_path: Path, kind: str) -> None:
    values = grid()
    values[7] = 1e9
    assert find(tmp_path, values, kind) == []


def test_columns_without_spread_missing_and_empty_ones_are_left_alone(tmp_path: Path) -> None:
    mostly_nought = np.zeros((101, 1))
    mostly_nought[4] = 1e9
    half_missing, empty = grid(), np.full((101, 1), np.nan)
    half_missing[::2] = np.nan
    assert find(tmp_path, np.concatenate([mostly_nought, half_missing, empty], axis=1), *["number"] * 3) == []


def test_no_rows_have_no_outliers(tmp_path: Path) -> None:
    assert find(tmp_path, np.zeros((0, 1)), "number") == []


def test_outliers_are_flagged_where_nothing_is_said() -> None:
    assert registry.find("checks", "outlier").default_action == "flag"
