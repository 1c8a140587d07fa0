"""A new pipeline runs as it is, whatever its data is called and looks like, and nothing is overwritten."""

import hashlib
import inspect
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from web import Web

from dl_assets import registry
from dl_assets.config import Choice, load_pipeline
from dl_assets.errors import ConfigError, DataError, UserError
from dl_assets.index import read_index, require_fresh, write_index
from dl_assets.operations.check import find_problems
from dl_assets.operations.new import new_pipeline
from dl_assets.sources import filename


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
    assert source_of("cats", root) == Choice("folder", {"path": name})
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


def test_few_photos_are_mixed_and_looked_at_from_both_sides(root: Path) -> None:
    write_photos(root / "photos", side=80)
    new_pipeline("cats", "image_classification", "photos", root)
    pipeline = load_pipeline("cats", root).check()
    assert pipeline.train.epochs is None and pipeline.train.budget_minutes == 3
    assert (pipeline.train.average, pipeline.train.early_stopping) == ("ema", 0)
    assert "RandomResizedCrop" in [choice.name for choice in pipeline.augment.transforms]
    assert pipeline.augment.cutmix > 0 and pipeline.augment.test_time == "flip"


@pytest.mark.parametrize(("channels", "test_time", "crops"), [(3, "flip", True), (1, None, False)])
def test_tiny_pictures_are_mirrored_only_where_they_have_colours(
    root: Path, channels: int, test_time: str | None, crops: bool
) -> None:
    write_photos(root / "photos", side=32, channels=channels)
    new_pipeline("tiny", "image_classification", "photos", root)
    augment = load_pipeline("tiny", root).check().augment
    assert augment.test_time == test_time
    assert ("HorizontalFlip" in [choice.name for choice in augment.transforms]) == crops


@pytest.mark.parametrize(
    ("side", "channels", "name", "stages"),
    [(32, 3, "whitened_cnn", 3), (20, 3, "whitened_cnn", 2), (8, 3, "cnn", 2), (32, 1, "cnn", 4), (80, 3, "cnn", 4)],
)
def test_the_network_follows_the_pictures(root: Path, side: int, channels: int, name: str, stages: int) -> None:
    write_photos(root / "photos", side=side, channels=channels)
    new_pipeline("tiny", "image_classification", "photos", root)
    model = load_pipeline("tiny", root).check().model
    assert model.name == name and stages == (model.options["depth"] if name == "cnn" else len(model.options["widths"]))


@pytest.mark.parametrize("side", [80, 32, 8])
def test_the_time_that_a_training_may_take_can_be_said(root: Path, side: int) -> None:
    write_photos(root / "photos", side=side, channels=1 if side == 8 else 3)
    new_pipeline("cats", "image_classification", "photos", root, minutes=1.25)
    train = load_pipeline("cats", root).check().train
    assert train.budget_minutes == 1.25 and train.epochs is None


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
        ("pets_tune", "pets_tune_1"),
        ("pets_crossval", "pets_crossval_1"),
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
    with pytest.raises(
        DataError, match=r"neither a folder nor a file 'digit' .*, did you mean 'digits'\? .* built-in data set: digits\."
    ):
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


# ---- sources -----------------------------------------------------------------------------------------------------


def source_of(name: str, root: Path) -> Choice:
    """The source that was written, without the options that it has by default, once the whole file has been checked."""
    source = load_pipeline(name, root).check().source
    parameters = inspect.signature(registry.find("sources", source.name)).parameters
    return Choice(source.name, {key: value for key, value in source.options.items() if value != parameters[key].default})


def write_flat(folder: Path, names: list[str]) -> None:
    rng = np.random.default_rng(17)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(folder / name)


KAGGLE = [f"{name}.{index}.jpg" for name in ("cat", "dog") for index in range(4)]
OXFORD = [f"{name}_{index}.jpg" for name in ("great_pyrenees", "Bombay") for index in range(4)]


@pytest.mark.parametrize(
    ("names", "target"), [(KAGGLE, {"cat", "dog"}), (OXFORD, {"great_pyrenees", "Bombay"})], ids=["kaggle", "oxford"]
)
def test_files_in_one_folder_have_their_targets_in_their_names(root: Path, names: list[str], target: set[str]) -> None:
    write_flat(root / "photos", names)
    new_pipeline("pets", "image_classification", "photos", root)
    source = source_of("pets", root)
    assert source.name == "filename"
    assert {sample.target for sample in filename.filename(**source.options)} == target


@pytest.mark.parametrize(("suffix", "kind"), [("zip", "zip"), ("tar.gz", "gztar")])
def test_an_archive_is_taken_as_it_is(root: Path, suffix: str, kind: str) -> None:
    write_photos(root / "photos")
    shutil.make_archive("packed", kind, root_dir=root, base_dir="photos")
    new_pipeline("pets", "image_classification", f"packed.{suffix}", root)
    assert source_of("pets", root) == Choice("archive", {"path": f"packed.{suffix}"})


def test_an_archive_of_named_files_is_taken_as_it_is(root: Path) -> None:
    write_flat(root / "train", KAGGLE)
    shutil.make_archive("train", "zip", root_dir=root, base_dir="train")
    new_pipeline("pets", "image_classification", "train.zip", root)
    assert source_of("pets", root) == Choice("filename", {"path": "train.zip", "pattern": r"^(?P<target>[^.]+)\.\d+\."})


def test_the_columns_of_a_table_are_found(root: Path) -> None:
    write_flat(root / "pets" / "images", KAGGLE)
    lines = [
        f"{index},{name.removesuffix('.jpg')},{name[:3]},{'train' if index else 'test'}" for index, name in enumerate(KAGGLE)
    ]
    (root / "pets" / "labels.csv").write_text("\n".join(["number,id,Breed,split", *lines]))
    new_pipeline("pets", "image_classification", "pets/labels.csv", root)
    options = {
        "path": "pets/labels.csv",
        "file": "id",
        "target": "Breed",
        "part": "split",
        "root": "pets/images",
        "suffix": ".jpg",
    }
    assert source_of("pets", root) == Choice("manifest", options)


def test_what_stands_between_several_labels_is_found(root: Path) -> None:
    write_flat(root / "photos", KAGGLE)
    lines = [f"{name},{name[:3]} {'outdoor' if index % 2 else ''}" for index, name in enumerate(KAGGLE)]
    (root / "photos" / "labels.csv").write_text("\n".join(["image,tags", *lines]))
    new_pipeline("pets", "image_multilabel", "photos/labels.csv", root)
    options = {"path": "photos/labels.csv", "file": "image", "target": "tags", "separator": " "}
    assert source_of("pets", root) == Choice("manifest", options)


@pytest.mark.parametrize(
    ("header", "missing"),
    [("image,colour,shape", "the targets"), ("number,colour,target", r"the files \(relative to the folder")],
)
def test_columns_that_cannot_be_guessed_are_listed(root: Path, header: str, missing: str) -> None:
    write_flat(root / "photos", KAGGLE)
    first = "cat.0.jpg" if header.startswith("image") else "1"
    (root / "photos" / "labels.csv").write_text(f"{header}\n{first},red,round\n")
    with pytest.raises(ConfigError, match=rf"has the columns {', '.join(header.split(','))}; which of them holds {missing}"):
        new_pipeline("pets", "image_classification", "photos/labels.csv", root)


def test_an_archive_on_a_web_server_is_downloaded_and_its_hash_written_down(root: Path, tmp_path: Path) -> None:
    write_photos(root / "photos")
    packed = Path(shutil.make_archive(str(root / "packed"), "zip", root_dir=root / "photos"))
    web = Web(root)
    try:
        web.cuts = [1000]
        new_pipeline("pets", "image_classification", f"{web.url}/packed.zip", root)
        sha256 = hashlib.sha256(packed.read_bytes()).hexdigest()
        options = {"url": f"{web.url}/packed.zip", "sha256": sha256, "licence": "not stated"}
        assert source_of("pets", root) == Choice("download", options)
        assert "not stated" in (root / "pipelines/pets.yaml").read_text()
        with pytest.raises(
            ConfigError, match=r"cannot be told from its name.*\{kind: download, url: 'http.*\{kind: folder, path: 'http"
        ):
            new_pipeline("other", "image_classification", f"{web.url}/photos", root)
    finally:
        web.close()


def test_a_missing_place_is_told_by_check_for_every_kind(root: Path) -> None:
    new_pipeline("digits", "image_classification", "digits", root)
    path = root / "pipelines" / "digits.yaml"
    written = path.read_text()
    sources = {
        "{kind: folder, path: gone}": "source.path 'gone'",
        "{kind: archive, path: gone.zip}": "source.path 'gone.zip'",
        "{kind: filename, path: gone, pattern: '(?P<target>x)'}": "source.path 'gone'",
        "{kind: manifest, path: gone.csv, file: f, target: t, root: away}": "source.path 'gone.csv'|source.root 'away'",
        "{kind: manifest, path: gone/here.csv, file: f, target: t}": "source.path 'gone/here.csv'",
        "{kind: download, url: 'http://host/x.zip', sha256: " + "a" * 64 + ", licence: CC0}": "",
        "{kind: folder, path: 's3://bucket/gone'}": "",
    }
    for source, messages in sources.items():
        path.write_text(written.replace("{kind: builtin, name: digits}", source))
        write_index(root)
        found = [str(problem) for problem in find_problems("digits", root) if "source." in str(problem)]
        expected = [
            f"pipelines/digits.yaml: {message} does not exist. Put the data there" for message in messages.split("|") if message
        ]
        assert [text.partition(", or change")[0] for text in found] == expected
