"""A new pipeline runs as it is, whatever its data is called and looks like, and nothing is overwritten."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dl_assets.config import Choice, load_pipeline
from dl_assets.errors import ConfigError, DataError, UserError
from dl_assets.index import read_index, require_fresh
from dl_assets.operations.new import new_pipeline


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pipelines").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_photos(folder: Path, side: int = 40, channels: int = 3, count: int = 3) -> None:
    rng = np.random.default_rng(17)
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        for index in range(count):
            pixels = rng.integers(0, 256, (side, side, channels), dtype=np.uint8)
            Image.fromarray(pixels if channels == 3 else pixels[..., 0]).save(folder / name / f"{index}.png")


def test_a_builtin_data_set_needs_nothing_but_its_name(root: Path) -> None:
    assert new_pipeline("digits", "image_classification", "digits", root) == root / "pipelines" / "digits.yaml"
    pipeline = load_pipeline("digits", root).check()
    assert pipeline.source == Choice("builtin", {"name": "digits"})
    assert (pipeline.clean.model_dump()["image_size"], pipeline.clean.model_dump()["channels"]) == (8, 1)
    assert pipeline.model.name == "cnn"
    require_fresh("digits", root)


@pytest.mark.parametrize(
    "name", ["photos", "my photos: 2026", 'it\'s "here"', "f\u00f6t\u00f6s \u732b", "#1, {x}", "- a", "100"]
)
def test_a_folder_of_any_name_is_kept_as_it_was_given(root: Path, name: str) -> None:
    write_photos(root / name)
    new_pipeline("cats", "image_classification", f"{name}/", root)
    assert load_pipeline("cats", root).check().source == Choice("folder", {"path": name})
    assert read_index(root)["cats"]["input"] == name


def test_an_absolute_path_stays_absolute(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    write_photos(elsewhere)
    new_pipeline("cats", "image_classification", str(elsewhere), root)
    assert load_pipeline("cats", root).source.options["path"] == str(elsewhere)


def test_a_relative_path_is_relative_to_the_project(
    root: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_photos(root / "photos")
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    new_pipeline("cats", "image_classification", "photos", root)
    assert load_pipeline("cats", root).check().source.options["path"] == "photos"


@pytest.mark.parametrize(("side", "channels", "image_size"), [(40, 3, 40), (24, 1, 24), (500, 3, 64)])
def test_size_and_channels_follow_the_pictures(root: Path, side: int, channels: int, image_size: int) -> None:
    write_photos(root / "photos", side, channels)
    new_pipeline("cats", "image_classification", "photos", root)
    clean = load_pipeline("cats", root).check().clean.model_dump()
    assert (clean["image_size"], clean["channels"]) == (image_size, channels)
    assert clean["min_side"] <= side


def test_few_photos_are_shown_often_in_small_batches(root: Path) -> None:
    write_photos(root / "photos", side=80)
    new_pipeline("cats", "image_classification", "photos", root)
    pipeline = load_pipeline("cats", root).check()
    assert (pipeline.train.epochs, pipeline.train.batch_size, pipeline.train.learning_rate) == (80, 32, 2e-3)
    assert (pipeline.train.weight_decay, pipeline.train.label_smoothing, pipeline.train.early_stopping) == (0.05, 0.1, 0)
    assert (pipeline.model.options["width"], pipeline.model.options["depth"]) == (16, 5)
    assert "random_resized_crop" in [choice.name for choice in pipeline.augment]


def test_every_section_is_written_and_explained(root: Path) -> None:
    text = new_pipeline("digits", "image_classification", "digits", root).read_text()
    for section in ("source", "clean", "split", "augment", "model", "train", "evaluate", "export", "schedule"):
        comment, line = text[: text.index(f"\n{section}:")].splitlines()[-1], f"\n{section}:"
        assert comment.startswith("# "), line


def test_a_pipeline_is_never_overwritten(root: Path) -> None:
    path = new_pipeline("digits", "image_classification", "digits", root)
    path.write_text("mine")
    with pytest.raises(ConfigError, match=r"pipelines/digits.yaml exists already and is not overwritten\. Choose another name"):
        new_pipeline("digits", "image_classification", "digits", root)
    assert path.read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("Cats-Dogs", "cats_dogs"),
        ("index", "index_1"),
        ("../x", "x"),
        ("", "pipeline"),
    ],
)
def test_a_name_that_cannot_be_used_comes_with_a_better_one(root: Path, name: str, better: str) -> None:
    with pytest.raises(ConfigError, match=f"'{name}' is no name for a pipeline: .* Use for instance: {better}$"):
        new_pipeline(name, "image_classification", "digits", root)


def test_an_unknown_task_is_told_with_the_nearest(root: Path) -> None:
    with pytest.raises(ConfigError, match="task 'image_clasification' is not known, did you mean 'image_classification'"):
        new_pipeline("cats", "image_clasification", "digits", root)


def test_a_source_that_is_not_there_is_told_with_what_would_do(root: Path) -> None:
    with pytest.raises(DataError, match=r"neither a folder 'digit' .*, did you mean 'digits'\? .* built-in data set: digits\."):
        new_pipeline("cats", "image_classification", "digit", root)


@pytest.mark.parametrize("source", [".", "data", "data/cats", "data/cats/raw"])
def test_results_and_source_may_not_lie_in_each_other(root: Path, source: str) -> None:
    write_photos(root / "data" / "cats" / "raw")
    with pytest.raises(ConfigError, match="lie in each other"):
        new_pipeline("cats", "image_classification", source, root)


@pytest.mark.parametrize("source", ["empty", "a_file", "no_classes"])
def test_data_that_cannot_be_used_leaves_no_file_behind(root: Path, source: str) -> None:
    (root / "empty").mkdir()
    (root / "no_classes").mkdir()
    for path in ("a_file", "no_classes/1.png"):
        (root / path).write_bytes(b"x")
    with pytest.raises(UserError):
        new_pipeline("cats", "image_classification", source, root)
    assert list((root / "pipelines").iterdir()) == []
