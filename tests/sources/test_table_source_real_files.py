"""Files as the world has them are read as they are."""

import polars as pl
import pytest
from workspace import REPOSITORY

from dl_assets.sources.table import table

TABLES = REPOSITORY.parent / "shared" / "data" / "tabular"

pytestmark = pytest.mark.skipif(not TABLES.is_dir(), reason="the tables are not here: they would be in ../shared/data/tabular")


@pytest.mark.parametrize(
    ("name", "target", "shape", "num_missing"),
    [
        ("titanic", "Survived", (891, 11), {"empty": 866}),
        ("penguins", "species", (344, 6), {"empty": 19}),
        ("mpg", "mpg", (398, 8), {"empty": 6}),
        ("california_housing", "median_house_value", (20640, 9), {"empty": 207}),
    ],
)
def test_a_real_file_loses_no_row_and_no_cell(
    name: str, target: str, shape: tuple[int, int], num_missing: dict[str, int]
) -> None:
    path = TABLES / f"{name}.csv"
    source = table(path=str(path), target=target)
    assert source.rows is not None
    frames = list(source.rows())
    cells, expected = pl.concat(some.cells for some in frames), pl.read_csv(path, infer_schema=False)
    assert cells.shape == shape
    assert pl.concat(some.found for some in frames)["target"].to_list() == expected[target].to_list()
    assert all((column == expected[column.name]).fill_null(column.is_null()).all() for column in cells)
    assert source.description["missing"] == num_missing
    assert source.description["files"][0]["lost_rows"] == 0
