from pathlib import Path

import polars as pl
import pytest

from dl_assets.artifacts.tables import CLEAN_SAMPLES, ERRORS, PARTS_TABLE, PREDICTIONS, REJECTED, empty, read_table, write_table
from dl_assets.errors import ArtifactError

PARTS = pl.DataFrame({"id": ["a", "b"], "part": ["train", "test"]}).with_columns(fold=pl.lit(None, pl.Int64))


def test_a_table_comes_back_as_it_was_written(tmp_path: Path) -> None:
    write_table(PARTS_TABLE, tmp_path, PARTS)
    assert read_table(PARTS_TABLE, tmp_path).equals(PARTS)


def test_columns_of_a_sources_own_are_kept(tmp_path: Path) -> None:
    write_table(PARTS_TABLE, tmp_path, PARTS.with_columns(camera=pl.lit("new")))
    assert read_table(PARTS_TABLE, tmp_path)["camera"].to_list() == ["new", "new"]


@pytest.mark.parametrize(
    ("wrong", "shown"),
    [
        (PARTS.with_columns(part=pl.lit("trian")), r"sample a \(row 0\), part: 'trian' does not satisfy isin"),
        (PARTS.with_columns(id=pl.lit("a")), r"\(row 0\), id: 'a' does not satisfy .*unique"),
        (PARTS.with_columns(part=pl.lit(None, pl.String)), "part: "),
        (PARTS.drop("part"), "part"),
        (PARTS.with_columns(fold=pl.lit("one")), "fold: .*Int64"),
    ],
)
def test_what_breaks_the_schema_is_not_written_and_the_cell_is_named(tmp_path: Path, wrong: pl.DataFrame, shown: str) -> None:
    with pytest.raises(ArtifactError, match=shown) as caught:
        write_table(PARTS_TABLE, tmp_path, wrong)
    assert str(tmp_path / "parts.parquet") in str(caught.value) and not list(tmp_path.iterdir())


def test_a_table_that_was_edited_is_found_when_it_is_read(tmp_path: Path) -> None:
    PARTS.with_columns(part=pl.lit("training")).write_parquet(tmp_path / "parts.parquet")
    with pytest.raises(ArtifactError, match=r"sample b .*'training'"):
        read_table(PARTS_TABLE, tmp_path)


def test_a_missing_and_a_broken_table_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="does not exist"):
        read_table(PARTS_TABLE, tmp_path)
    (tmp_path / "parts.parquet").write_bytes(b"PAR1 cut off")
    with pytest.raises(ArtifactError, match="cannot be read as Parquet"):
        read_table(PARTS_TABLE, tmp_path)


@pytest.mark.parametrize("table", [CLEAN_SAMPLES, REJECTED, PARTS_TABLE])
def test_an_empty_table_passes_its_own_schema(tmp_path: Path, table: object) -> None:
    write_table(table, tmp_path, empty(table))  # type: ignore[arg-type]
    assert len(read_table(table, tmp_path)) == 0  # type: ignore[arg-type]


@pytest.mark.parametrize("prediction", [["cat"], [1.5]])
def test_a_prediction_is_text_or_a_number(tmp_path: Path, prediction: list[object]) -> None:
    rows = pl.DataFrame({"id": ["a"], "part": ["test"], "target": ["1"], "prediction": prediction})
    for table in (PREDICTIONS, ERRORS):
        write_table(table, tmp_path, rows)
        assert read_table(table, tmp_path).equals(rows)
    with pytest.raises(ArtifactError, match=r"prediction: .* does not satisfy text, or numbers of 64 bits"):
        write_table(PREDICTIONS, tmp_path, rows.with_columns(prediction=pl.lit(1)))
