"""`dl predict`: a model whose answer can be worked out by hand is asked about good and broken files."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import polars as pl
import pytest
from onnx import TensorProto, helper
from PIL import Image

from dl_assets.commands.use import predict_ as command
from dl_assets.config import load_pipeline
from dl_assets.errors import ArtifactError, ConfigError, DataError
from dl_assets.operations.predicting.run import predict_inputs
from dl_assets.operations.submission import write_submission

PIPELINE = """\
task: image_classification
source: {kind: filename, path: photos, pattern: '(?P<target>cat|dog)', unlabelled: unknown}
clean: {image_size: 8, channels: 1}
split: {}
augment: []
model: {name: cnn, width: 8}
train: {epochs: 1}
evaluate: {}
export: {}
schedule: {}
"""
CLEAN = {"image_size": 8, "channels": 1, "fit": "stretch", "max_pixels": 100_000_000}


def write_model(folder: Path, classes: list[str]) -> None:
    """A model that finds the last class as likely as the picture is bright, and shares the rest among the others."""
    rest = len(classes) - 1
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["pixels", "axes"], ["mean"], keepdims=0),
        helper.make_node("Div", ["mean", "white"], ["last"]),
        helper.make_node("Unsqueeze", ["last", "one"], ["column"]),
        helper.make_node("Sub", ["all", "column"], ["left"]),
        helper.make_node("Div", ["left", "rest"], ["other"]),
        helper.make_node("Concat", ["other"] * rest + ["column"], ["probabilities"], axis=1),
    ]
    constants = {"axes": np.array([1, 2, 3]), "one": np.array([1])}
    constants |= {name: np.float32(value) for name, value in {"white": 255, "all": 1, "rest": rest}.items()}
    graph = helper.make_graph(
        nodes,
        "brightness",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", 8, 8, 1])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", len(classes)])],
        [onnx.numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    folder.mkdir(parents=True)
    onnx.save(model, folder / "model.onnx")
    signature = {
        "task": "image_classification",
        "file": "model.onnx",
        "input": {"name": "image", "made_by": {"clean": CLEAN}},
        "output": {"name": "probabilities", "fitted": {"classes": classes}},
    }
    (folder / "signature.json").write_text(json.dumps(signature))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "pets.yaml").write_text(PIPELINE)
    write_model(tmp_path / "data" / "pets" / "exported", ["cat", "dog"])
    return tmp_path


def grey(path: Path, level: int) -> str:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.full((20, 30), level, dtype=np.uint8)).save(path)
    return str(path)


def ask(paths: list[str], out: Path | None = Path("p.csv"), **options: Any) -> pl.DataFrame:
    predict_inputs(load_pipeline("pets"), paths, Path(), out, **options)
    return pl.read_csv("p.csv", infer_schema_length=None)


def test_a_file_becomes_a_row_with_its_prediction_and_every_probability(project: Path) -> None:
    rows = ask([grey(project / "dark.png", 51), grey(project / "bright.png", 204)])
    assert rows["file"].to_list() == [str(project / "dark.png"), str(project / "bright.png")]
    assert rows["prediction"].to_list() == ["cat", "dog"]
    assert rows["confidence"].to_list() == pytest.approx([0.8, 0.8])
    assert rows["probability_dog"].to_list() == pytest.approx([0.2, 0.8])
    assert rows["problem"].to_list() == [None, None]


def test_the_rows_are_in_the_order_of_the_files_over_many_batches(project: Path) -> None:
    levels = np.random.default_rng(0).integers(0, 256, 150).tolist()
    rows = ask([grey(project / "many" / f"{index}.png", level) for index, level in enumerate(levels)])
    assert rows["probability_dog"].to_list() == pytest.approx([level / 255 for level in levels], abs=1e-6)


def test_a_folder_stands_for_every_file_below_it_but_hidden_ones(project: Path) -> None:
    for name in ("b.png", "a.png", ".hidden.png"):
        grey(project / "photos" / name, 100)
    grey(project / "photos" / "more" / "c.png", 100)
    rows = ask(["photos"])
    assert rows["file"].to_list() == ["photos/a.png", "photos/b.png", "photos/more/c.png"]


def test_what_cannot_be_read_gets_a_row_that_says_why_and_the_command_fails_after_all_others(project: Path) -> None:
    Path("letter.jpg").write_text("Dear cat")
    good = grey(project / "good.png", 255)
    Path("half.png").write_bytes(Path(good).read_bytes()[:60])
    with pytest.raises(DataError, match=r"2 of 3 files could not be read: letter\.jpg \(unreadable: .*half\.png \("):
        ask(["letter.jpg", good, "half.png"])
    rows = pl.read_csv("p.csv")
    assert rows["file"].to_list() == ["letter.jpg", good, "half.png"]
    assert rows["prediction"].to_list() == [None, "dog", None]
    assert rows["problem"][0].startswith("unreadable: ") and rows["problem"][1] is None


def test_a_first_batch_of_broken_files_does_not_spoil_the_table(project: Path) -> None:
    for index in range(70):
        Path(f"broken{index:02}.png").write_bytes(b"")
    with pytest.raises(DataError, match="70 of 71"):
        ask([*(f"broken{index:02}.png" for index in range(70)), grey(project / "good.png", 255)])
    rows = pl.read_csv("p.csv", infer_schema_length=None)
    assert len(rows) == 71 and rows["prediction"][70] == "dog" and rows.columns[:3] == ["file", "prediction", "confidence"]


@pytest.mark.parametrize("as_json", [True, False])
def test_without_out_the_rows_are_printed(project: Path, capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    path = grey(project / "bright.png", 204)
    predict_inputs(load_pipeline("pets"), [path], Path(), None, as_json=as_json)
    printed = capsys.readouterr().out
    if as_json:
        assert json.loads(printed)["prediction"] == "dog"
    else:
        assert printed.splitlines()[0] == "file,prediction,confidence,probability_cat,probability_dog,problem"
        assert printed.splitlines()[1].startswith(f"{path},dog,0.8")


def test_files_are_decoded_as_the_model_was_trained_and_a_changed_option_is_told(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("pipelines/pets.yaml").write_text(PIPELINE.replace("image_size: 8", "image_size: 16"))
    assert ask([grey(project / "bright.png", 204)])["probability_dog"].to_list() == pytest.approx([0.8])
    assert "clean.image_size was 8 and is 16 now" in capsys.readouterr().err


def test_a_failure_leaves_the_old_file(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("p.csv").write_text("old")
    model = Path("data/pets/exported/model.onnx")
    signature = json.loads(Path("data/pets/exported/signature.json").read_text())
    write_model(Path("data/pets/other"), ["cat", "dog", "fox"])  # three outputs where two classes are promised
    model.write_bytes(Path("data/pets/other/model.onnx").read_bytes())
    assert len(signature["output"]["fitted"]["classes"]) == 2
    with pytest.raises(ArtifactError, match=r"3 outputs, but 2 are needed.*dl run pets"):
        ask([grey(project / "bright.png", 204)])
    assert Path("p.csv").read_text() == "old" and not list(Path().glob(".p.csv*"))


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (
            lambda e: (e / "signature.json").unlink(),
            ArtifactError,
            "there is no exported model of 'pets' yet. Run: dl run pets",
        ),
        (lambda e: (e / "model.onnx").write_bytes(b"x"), ArtifactError, "cannot be opened.*Run: dl run pets"),
        (lambda e: (e / "model.onnx").unlink(), ArtifactError, "cannot be opened.*Run: dl run pets"),
        (
            lambda e: (e / "signature.json").write_text((e / "signature.json").read_text().replace("fit", "how")),
            ArtifactError,
            "does not fit this version.*Run: dl run pets",
        ),
        (lambda e: Path("photo.png").unlink(), DataError, "photo.png does not exist"),
    ],
)
def test_what_is_missing_or_broken_is_told_with_the_remedy(
    project: Path, spoil: Callable[[Path], Any], error: type[Exception], message: str
) -> None:
    path = grey(Path("photo.png"), 9)
    spoil(Path("data/pets/exported"))
    with pytest.raises(error, match=message):
        ask([path])


def test_an_empty_folder_is_told(project: Path) -> None:
    Path("empty").mkdir()
    with pytest.raises(DataError, match="empty holds no files"):
        ask(["empty"])


# ---- submissions -----------------------------------------------------------------------------------------------


def submit(paths: list[str], positive: str | None = None) -> list[str]:
    write_submission("pets", paths, Path(), Path("s.csv"), positive)
    return Path("s.csv").read_text().splitlines()


def test_a_submission_holds_what_the_source_has_to_be_predicted_in_the_order_of_the_numbers(project: Path) -> None:
    for name, level in {"1": 0, "2": 102, "10": 255}.items():
        grey(project / "unknown" / f"{name}.jpg", level)
    assert submit([]) == ["id,label", "1,0.005000", "2,0.400000", "10,0.995000"]


def test_the_submitted_probability_is_that_of_the_class_that_is_asked_for(project: Path) -> None:
    assert submit([grey(project / "7.png", 51)], "cat") == ["id,label", "7,0.800000"]
    with pytest.raises(ConfigError, match="--positive is 'dgo', did you mean 'dog'"):
        submit([grey(project / "7.png", 51)], "dgo")


def test_of_more_than_two_classes_the_predicted_one_is_submitted(project: Path) -> None:
    folder = project / "data" / "pets" / "exported"
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    write_model(folder, ["cat", "dog", "fox"])
    Path("b.png").write_bytes(b"")
    assert submit([grey(project / "a.png", 255), "b.png", grey(project / "c.png", 0)]) == [
        "id,label",
        "a,fox",
        "b,cat",
        "c,cat",
    ]


def test_a_file_that_cannot_be_read_gets_a_half_and_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("3.jpg").write_bytes(b"")
    assert submit(["3.jpg", grey(project / "2.png", 255)]) == ["id,label", "2,0.995000", "3,0.500000"]
    assert "WARNING: 3.jpg cannot be read (unreadable: 0 bytes); its label is a guess." in capsys.readouterr().err


def test_two_files_of_one_id_are_told(project: Path) -> None:
    with pytest.raises(DataError, match="have the same id '1'"):
        submit([grey(project / "1.png", 1), grey(project / "1.jpg", 1)])


def test_a_source_without_files_to_predict_is_told(project: Path) -> None:
    Path("pipelines/pets.yaml").write_text(PIPELINE.replace(", unlabelled: unknown", ""))
    with pytest.raises(ConfigError, match=r"source\.unlabelled is not set"):
        submit([])
    Path("pipelines/pets.yaml").write_text(PIPELINE.replace(PIPELINE.splitlines()[1], "source: {kind: builtin, name: digits}"))
    with pytest.raises(ConfigError, match=r"the source 'builtin' has no files without target.*dl predict pets FILES"):
        submit([])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "there is nothing to predict. Name files or folders: dl predict pets FILES"),
        ({"submission": Path("s.csv"), "out": Path("p.csv")}, "--submission writes a file of its own"),
        ({"files": ["a.png"], "positive": "dog"}, "--positive is for a submission"),
    ],
)
def test_options_that_do_not_go_together_are_told(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        command("pets", **options)


def test_the_command_prints_what_it_can_and_exits_with_two_where_a_file_is_broken(project: Path) -> None:
    Path("broken.png").write_bytes(b"")
    command_line = [sys.executable, "-m", "dl_assets", "predict", "pets", "broken.png", grey(project / "bright.png", 204)]
    result = subprocess.run(command_line, capture_output=True, text=True, check=False)
    assert result.returncode == 2, result.stderr
    assert "bright.png,dog,0.8" in result.stdout
    assert result.stderr.startswith("ERROR: 1 of 2 files could not be read: broken.png (unreadable: 0 bytes)")
