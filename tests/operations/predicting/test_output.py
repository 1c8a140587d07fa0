"""What `dl predict` writes, by which model, and what it tells."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from operations.predicting.asking import ask, photo
from operations.serving.champions import certify, write_bright, write_old

from dl_assets.config import load_pipeline
from dl_assets.errors import ArtifactError, ConfigError, DataError
from dl_assets.operations.predicting.run import predict_inputs
from dl_assets.operations.submission import write_submission


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_the_ending_says_what_is_written_and_each_holds_the_same(project: Path, ending: str) -> None:
    paths = [photo(f"{number}.png", 3 * number) for number in range(80)]
    rows = ask(*paths, out=f"deep/er/p.{ending}")
    assert rows["file"].to_list() == paths
    assert np.allclose(rows["probability_dog"], [3 * number / 255 for number in range(80)], atol=1e-6)
    assert rows.columns == ["file", "prediction", "confidence", "probability_cat", "probability_dog", "problem"]
    assert [path.name for path in Path("deep/er").iterdir()] == [f"p.{ending}"]


def test_another_ending_is_told(project: Path) -> None:
    with pytest.raises(ConfigError, match=r"--out is p\.xlsx, but must end in one of \.parquet"):
        ask(photo("a.png", 1), out="p.xlsx")


def test_what_csv_cannot_hold_is_told_before_anything_is_predicted(project: Path) -> None:
    pl.DataFrame({"file": ["a.png"], "boxes": [[1, 2]]}).write_parquet("list.parquet")
    with pytest.raises(ConfigError, match=r"column 'boxes' holds List\(Int64\), which CSV cannot\. Write --out p\.parquet"):
        ask("list.parquet", out="p.csv")


def test_the_champion_answers_where_there_is_one_and_the_exported_model_where_it_is_asked_for(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = photo("a.png", 200)
    assert ask(path)["prediction"].to_list() == ["dog"]
    assert "They are answers of the exported model " in capsys.readouterr().out
    write_bright(Path("data/pets/champion"), bright="wolf")
    assert ask(path)["prediction"].to_list() == ["wolf"]
    assert "They are answers of the champion " in capsys.readouterr().out
    assert ask(path, challenger=True)["prediction"].to_list() == ["dog"]
    write_submission("pets", [path], Path(), Path("s.csv"), "wolf")
    with pytest.raises(ConfigError, match="--positive is 'wolf'"):
        write_submission("pets", [path], Path(), Path("s.csv"), "wolf", challenger=True)


def test_a_pipeline_with_a_rule_is_told_that_nothing_is_promoted_yet(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("pipelines/pets.yaml").write_text(Path("pipelines/pets.yaml").read_text() + "promote: {metric: accuracy}\n")
    ask(photo("a.png", 200))
    assert "NOTE: pets has no champion yet, so the exported model answers" in capsys.readouterr().err


def test_parquet_says_which_model_answered(project: Path) -> None:
    ask(photo("a.png", 200))
    said = pl.read_parquet_metadata("p.parquet")
    assert (said["pipeline"], said["answered_by"]) == ("pets", "exported model")
    assert said["model"] == certify(Path("data/pets/exported"))


def test_a_model_that_is_not_the_certified_one_is_not_asked(project: Path) -> None:
    with Path("data/pets/exported/model.onnx").open("ab") as file:
        file.write(b"\x72\x00")  # an empty field more, which does not matter to ONNX Runtime
    with pytest.raises(ArtifactError, match=r"model\.onnx is not the file that certificate\.json beside it vouches for"):
        ask(photo("a.png", 200))


def test_a_program_reads_what_came_out(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("broken.png").write_bytes(b"")
    with pytest.raises(DataError):
        ask(photo("a.png", 200), photo("b.png", 201), "broken.png", photo("c.png", 3), as_json=True)
    (told,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (told["kind"], told["rows"], told["problems"], told["out"]) == ("predicted", 4, 1, "p.parquet")
    assert told["shares"] == pytest.approx({"dog": 2 / 3, "cat": 1 / 3})
    assert list(told["shares"]) == ["dog", "cat"]


def test_a_column_called_problem_of_a_table_is_a_column_like_any_other(project: Path) -> None:
    text = Path("pipelines/pets.yaml").read_text().replace("image_classification", "tabular_classification")
    text = text.replace("{image_size: 8, channels: 1}", "{}").replace(
        "{kind: folder, path: photos}", "{kind: table, path: a.csv, target: y}"
    )
    Path("pipelines/people.yaml").write_text(text.replace("{name: cnn, width: 8}", "{name: fnn}"))
    write_old(Path("data/people/exported"))
    Path("new.csv").write_text("age,sex,city,problem\n90,f,Ulm,deaf\nold,f,Ulm,\n")
    with pytest.raises(DataError, match="1 of 2 rows do not fit"):
        predict_inputs(load_pipeline("people"), ["new.csv"], Path(), Path("p.parquet"))
    rows = pl.read_parquet("p.parquet")
    assert rows["problem"].to_list() == ["deaf", None]
    assert rows["prediction"].to_list() == ["yes", None]
    assert rows["problem_"].to_list() == [None, "age: 'old' is no number"]
    Path("none.csv").write_text("age,sex,city\n")
    with pytest.raises(DataError, match="a header, and no rows below it"):
        predict_inputs(load_pipeline("people"), ["none.csv"], Path(), Path("n.parquet"))
    assert not list(Path().glob(".*pieces"))
