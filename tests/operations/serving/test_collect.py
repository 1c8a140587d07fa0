"""Pictures that the server was asked about, brought back as samples or as what to label."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from operations.serving.champions import grey, write_old
from operations.serving.conftest import Serve
from operations.serving.test_feedback_over_http import ask, tell

from dl_assets.config import Pipeline, load_pipeline
from dl_assets.errors import ConfigError, DataError
from dl_assets.operations.collect import _as_folder, collect_answered, collect_unsure
from dl_assets.operations.feedback import take_feedback


def pipeline(root: Path, name: str = "pets", task: str = "image_classification") -> Pipeline:
    (root / "pipelines").mkdir(exist_ok=True)
    path = root / f"pipelines/{name}.yaml"
    path.write_text(f"task: {task}\nsource: {{kind: folder, path: data/incoming/{name}}}\n")
    return load_pipeline(name, root)


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_picture_whose_answer_came_back_lies_in_the_folder_of_its_class(pets: Path, serve: Serve, tmp_path: Path) -> None:
    config, client = pipeline(tmp_path), serve(keep_inputs=True)
    dark, bright, _ = ask(client, 0, 255, 100)
    tell(client, {"id": dark, "target": "dog"}, {"id": bright, "target": "dog"})
    folder = tmp_path / "data/incoming/pets"
    (folder / "dog").mkdir(parents=True)
    (folder / "dog/mine.png").write_bytes(b"of the user")
    assert collect_answered(config, tmp_path, folder) == {"new": 2, "moved": 0, "known": 0, "not_logged": 0}
    assert names(folder) == {f"dog/{dark}.png", f"dog/{bright}.png", "dog/mine.png"}
    assert (folder / f"dog/{dark}.png").read_bytes() == grey(0)


def test_what_was_collected_before_stays_and_moves_where_another_answer_was_told(
    pets: Path, serve: Serve, tmp_path: Path
) -> None:
    config, client = pipeline(tmp_path), serve(keep_inputs=True)
    dark, bright = ask(client, 0, 255)
    tell(client, {"id": dark, "target": "cat"}, {"id": bright, "target": "cat"})
    collect_answered(config, tmp_path, tmp_path / "to")
    tell(client, {"id": bright, "target": "dog"})
    assert collect_answered(config, tmp_path, tmp_path / "to") == {"new": 0, "moved": 1, "known": 1, "not_logged": 0}
    assert names(tmp_path / "to") == {f"cat/{dark}.png", f"dog/{bright}.png"}
    assert (tmp_path / f"to/dog/{bright}.png").read_bytes() == grey(255)


def test_the_least_sure_are_listed_once_and_their_answers_can_be_told(pets: Path, serve: Serve, tmp_path: Path) -> None:
    config, client = pipeline(tmp_path), serve(keep_inputs=True)
    sure, odd, odd_again, known, fair = ask(client, 0, 130, 130, 128, 180)
    tell(client, {"id": known, "target": "cat"})
    folder = tmp_path / "todo"
    assert collect_unsure(config, tmp_path, folder, 2) == 2
    rows = pl.read_csv(folder / "answers.csv", infer_schema=False)
    assert rows.columns == ["id", "file", "prediction", "confidence", "target"]
    first, second = rows["id"].to_list()
    assert first in (odd, odd_again) and second == fair and sure not in rows["id"]
    assert names(folder) == {"answers.csv", f"{first}.png", f"{fair}.png"} and rows["file"].to_list() == [
        f"{first}.png",
        f"{fair}.png",
    ]
    with pytest.raises(ConfigError, match=r"answers.csv exists. Tell what was filled in: dl feedback pets"):
        collect_unsure(config, tmp_path, folder, 2)
    rows.with_columns(target=pl.Series(["dog", None])).write_csv(folder / "answers.csv")
    told = take_feedback(config, tmp_path, folder / "answers.csv")
    assert (told["new"], told["reasons"]) == (1, {"without a target": 1})
    collect_answered(config, tmp_path, tmp_path / "to")
    assert names(tmp_path / "to") == {f"dog/{first}.png", f"cat/{known}.png"}


def test_pictures_with_several_labels_are_listed_beside_their_labels(pets: Path, serve: Serve, tmp_path: Path) -> None:
    first, second = ask(serve(keep_inputs=True), 0, 255)
    config = pipeline(tmp_path, task="image_multilabel")
    for number, (id_, target) in enumerate([(first, "cat|dog"), (second, "")]):
        rows = pl.DataFrame({"id": [id_], "target": [target], "time": [datetime.now(UTC)]})
        rows.write_parquet(pets / f"feedback/{number}.parquet")
        collect_answered(config, tmp_path, tmp_path / "to")
    listed = pl.read_csv(tmp_path / "to/targets.csv", infer_schema=False).rows()
    assert set(listed) == {(f"{first}.png", "cat|dog"), (f"{second}.png", "")}
    assert names(tmp_path / "to") == {"targets.csv", f"{first}.png", f"{second}.png"}


def test_without_pictures_in_the_log_it_is_told_how_to_have_them(pets: Path, serve: Serve, tmp_path: Path) -> None:
    config, client = pipeline(tmp_path), serve()
    with pytest.raises(DataError, match="no right answer came back yet"):
        collect_answered(config, tmp_path, tmp_path / "to")
    (one,) = ask(client, 0)
    tell(client, {"id": one, "target": "cat"})
    for collect in (
        lambda: collect_answered(config, tmp_path, tmp_path / "to"),
        lambda: collect_unsure(config, tmp_path, tmp_path, 5),
    ):
        with pytest.raises(DataError, match=r"none of the pictures\. Start the server with: dl serve pets --keep-inputs$"):
            collect()
    assert not (tmp_path / "to").exists()


def test_a_table_has_its_rows_elsewhere(tmp_path: Path) -> None:
    write_old(tmp_path / "data/people/champion")
    with pytest.raises(ConfigError, match="`dl collect` is for pictures"):
        collect_answered(pipeline(tmp_path, "people", "tabular_classification"), tmp_path, tmp_path / "to")


def test_a_class_that_would_leave_the_folder_is_refused() -> None:
    for name in ("../cat", "a/b", ".hidden", ".."):
        with pytest.raises(ConfigError, match="cannot be the name of a folder"):
            _as_folder(name)
