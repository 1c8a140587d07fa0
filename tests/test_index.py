"""The index follows the pipeline files, and says so where it does not."""

from pathlib import Path

import pytest

from dl_assets.config import INDEX
from dl_assets.errors import ConfigError
from dl_assets.index import read_index, require_fresh, require_no_leftovers, write_index

PHOTOS = "task: image_classification\nsource: {kind: folder, path: photos}\nmodel: {name: cnn}\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "pipelines").mkdir()
    write(tmp_path, PHOTOS)
    return tmp_path


def write(root: Path, text: str, name: str = "cats") -> None:
    (root / "pipelines" / f"{name}.yaml").write_text(text)


def test_the_index_names_the_code_and_the_data_of_each_pipeline(root: Path) -> None:
    write(root, PHOTOS.replace("folder, path: photos", "builtin, name: digits"), "digits")
    assert write_index(root) == []
    common = {
        "task": "image_classification",
        "inputs": "image",
        "inputs_parts": "dl_assets/inputs/_image",
        "transforms_parts": "dl_assets/transforms/_image",
        "targets": "classes",
        "model": "cnn",
        "weights": "dl_assets/models/cnn.py",
        "schema": "dl_assets/inputs/image.py",
        "originals": "dl_assets/stages/export.py",
    }
    builtin = "dl_assets/sources/builtin.py"
    assert read_index(root) == {
        "cats": {**common, "source": "folder", "input": "photos", "files": "photos"},
        "digits": {**common, "source": "builtin", "input": builtin, "files": builtin},
    }


def test_the_originals_are_read_again_where_the_exported_model_is_to_resize_them(root: Path) -> None:
    write(root, f"{PHOTOS}export: {{resize: true}}\n")
    write_index(root)
    assert read_index(root)["cats"]["originals"] == "data/cats/raw"


def test_the_cells_of_a_table_are_read_again_by_export(root: Path) -> None:
    table = PHOTOS.replace("image_classification", "tabular_classification").replace("cnn", "fnn")
    write(root, table.replace("kind: folder, path: photos", "kind: table, path: photos.csv, target: rich"))
    write_index(root)
    assert read_index(root)["cats"]["originals"] == "data/cats/raw"


@pytest.mark.parametrize("path", ["my photos: 2026", 'it\'s "here"', "f\u00f6t\u00f6s/\u732b", "#1", "1", "a" * 300])
def test_any_path_survives_the_way_through_the_index(root: Path, path: str) -> None:
    import json

    write(root, PHOTOS.replace("photos", json.dumps(path)))
    write_index(root)
    assert read_index(root)["cats"]["input"] == path
    require_fresh("cats", root)


def test_an_index_that_is_up_to_date_is_not_written_again(root: Path) -> None:
    write_index(root)
    before = (root / INDEX).stat().st_mtime_ns
    write_index(root)
    assert (root / INDEX).stat().st_mtime_ns == before


def test_without_pipelines_the_index_is_written_all_the_same(root: Path) -> None:
    (root / "pipelines" / "cats.yaml").unlink()
    write_index(root)
    assert "pipelines: {}" in (root / INDEX).read_text()


def test_a_broken_file_keeps_its_old_entry_and_does_not_stop_the_others(root: Path) -> None:
    write_index(root)
    before = read_index(root)["cats"]
    write(root, PHOTOS.replace("name: cnn", "name: cn").replace("image_", "img_"))
    write(root, PHOTOS, "dogs")
    broken = write_index(root)
    assert len(broken) == 1
    assert "pipelines/cats.yaml has 2 problems" in str(broken[0])
    assert set(read_index(root)) == {"cats", "dogs"}
    assert read_index(root)["cats"] == before


def test_an_index_that_fell_behind_is_told(root: Path) -> None:
    write_index(root)
    require_fresh("cats", root)
    write(root, PHOTOS.replace("photos", "pictures"))
    with pytest.raises(ConfigError, match=r"says input: photos, but pipelines/cats.yaml says pictures\. Run: dl sync"):
        require_fresh("cats", root)


def test_a_pipeline_that_the_index_does_not_list_is_told(root: Path) -> None:
    with pytest.raises(ConfigError, match=r"does not list the pipeline 'cats'\. Run: dl sync"):
        require_fresh("cats", root)


def test_an_entry_without_a_file_is_told_and_goes_with_the_next_sync(root: Path) -> None:
    write_index(root)
    (root / "pipelines" / "cats.yaml").unlink()
    with pytest.raises(ConfigError, match=r"lists 'cats', but .* does not exist\. Run: dl sync"):
        require_no_leftovers(root)
    write_index(root)
    require_no_leftovers(root)


@pytest.mark.parametrize("text", ["<<<<<<< ours\npipelines: {}\n=======\n", "[]", "", "pipelines: 5", "pipelines: {cats: 3}"])
def test_a_broken_index_is_told_and_written_anew_by_sync(root: Path, text: str) -> None:
    (root / INDEX).write_text(text)
    with pytest.raises(ConfigError, match="Run: dl sync"):
        require_fresh("cats", root)
    write_index(root)
    require_fresh("cats", root)


# ---- the weights of another pipeline ---------------------------------------------------------------------------


def begin_with(root: Path, name: str, weights: str) -> None:
    write(root, PHOTOS.replace("{name: cnn}", f"{{name: cnn, weights: {weights}}}"), name)


@pytest.mark.parametrize(
    ("weights", "watched"),
    [
        ("none", "dl_assets/models/cnn.py"),
        ("{hub: resnet18.a1_in1k}", "dl_assets/models/cnn.py"),
        ("{file: weights/a.safetensors}", "weights/a.safetensors"),
        ("{pipeline: cats}", "data/cats/model"),
    ],
)
def test_the_index_names_what_the_training_begins_with(root: Path, weights: str, watched: str) -> None:
    begin_with(root, "dogs", weights)
    assert write_index(root) == []
    assert read_index(root)["dogs"]["weights"] == watched


def test_weights_of_a_pipeline_that_does_not_exist_are_told(root: Path) -> None:
    begin_with(root, "dogs", "{pipeline: cat}")
    (error,) = write_index(root)
    assert str(error) == ("pipelines/dogs.yaml:3: model.weights.pipeline is 'cat', did you mean 'cats'? Allowed: cats.")
    assert "dogs" not in read_index(root)


@pytest.mark.parametrize(
    ("origins", "circle"),
    [
        ({"cats": "cats"}, "cats -> cats"),
        ({"cats": "dogs", "dogs": "cats"}, "cats -> dogs -> cats"),
        ({"cats": "dogs", "dogs": "mice", "mice": "cats"}, "cats -> dogs -> mice -> cats"),
    ],
)
def test_pipelines_that_begin_with_each_other_are_told_and_left_out_of_the_graph(
    root: Path, origins: dict[str, str], circle: str
) -> None:
    (root / "pipelines" / "cats.yaml").unlink()
    for name, origin in origins.items():
        begin_with(root, name, f"{{pipeline: {origin}}}")
    told = [str(error) for error in write_index(root)]
    assert len(told) == len(origins)
    assert told[0] == (
        f"pipelines/cats.yaml:3: model.weights.pipeline goes round in a circle: {circle}. Let one of them begin with others."
    )
    assert read_index(root) == {}


def test_a_chain_of_pipelines_is_no_circle(root: Path) -> None:
    begin_with(root, "dogs", "{pipeline: cats}")
    begin_with(root, "mice", "{pipeline: dogs}")
    assert write_index(root) == []


def test_a_broken_file_of_the_other_pipeline_is_told_once(root: Path) -> None:
    begin_with(root, "dogs", "{pipeline: mice}")
    begin_with(root, "mice", "{pipeline: nobody}")
    assert [str(error).partition(":")[0] for error in write_index(root)] == ["pipelines/mice.yaml"]
    write(root, "task: [", "mice")
    (error,) = write_index(root)
    assert "mice.yaml:1: not valid YAML" in str(error)
