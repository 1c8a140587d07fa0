"""One sample's way through all artifacts, of pictures and of tables, however far a pipeline has run."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from chain import Chain
from PIL import Image
from typer.testing import CliRunner

from dl_assets.__main__ import app
from dl_assets.artifacts.packs import fingerprint
from dl_assets.errors import ArtifactError, DataError
from dl_assets.operations.trace import print_trace, trace

PHOTOS: dict[str, Any] = {
    "source": {"kind": "folder", "path": "photos"},
    "clean": {"image_size": 8, "channels": 1, "min_side": 8, "max_rejected": 0.5, "near_duplicates": "keep"},
    "augment": [{"HorizontalFlip": {"p": 0.5}}],
    "model": {"name": "cnn", "width": 8, "depth": 1},
    "train": {"epochs": 1, "batch_size": 8, "accelerator": "cpu"},
    "evaluate": {"bootstrap_samples": 100},
}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """All stages of a pipeline of 60 photos, one of which is broken."""
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(17)
    for name in ("cat", "dog"):
        (root / "photos" / name).mkdir(parents=True)
        for index in range(30):
            Image.fromarray(rng.integers(0, 256, (16, 16), dtype=np.uint8)).save(root / "photos" / name / f"{index:02}.png")
    (root / "photos" / "cat" / "29.png").write_bytes(b"no picture")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        source = PHOTOS["source"]
        made = Chain(root, "image_classification", source, **{key: value for key, value in PHOTOS.items() if key != "source"})
        made.run()
        yield made


@pytest.fixture
def people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Chain:
    """A table of which nothing has run."""
    rows = [f"{20 + index},{'red' if index % 2 else 'blue'},{'yes' if index % 3 else 'no'}" for index in range(30)]
    (tmp_path / "people.csv").write_text("\n".join(["age,colour,rich", *rows]) + "\n")
    monkeypatch.chdir(tmp_path)
    return Chain(tmp_path, "tabular_classification", {"kind": "table", "path": "people.csv", "target": "rich"})


def one_of(chain: Chain, part: str) -> str:
    return str(pl.read_parquet(chain.folder / "parts/parts.parquet").filter(part=part)["id"][0])


def test_a_test_sample_is_followed_from_its_source_to_the_answer(photos: Chain) -> None:
    id_ = one_of(photos, "test")
    found = trace("people", id_, photos.root)
    file = photos.root / found["source"]["uri"] / found["source"]["origin"]
    assert found["id"] == id_ and found["raw"]["size_bytes"] == file.stat().st_size
    packed = (photos.folder / "raw" / found["raw"]["file"]).read_bytes()[found["raw"]["offset"] :]
    assert fingerprint(packed[: found["raw"]["size_bytes"]]) == fingerprint(file.read_bytes())
    assert found["clean"]["kept"] and found["clean"]["shape"] == [8, 8, 1] and found["clean"]["measures"]["width"] == 16
    assert found["parts"]["part"] == "test" and found["augmented"]["applies"] is False
    row = pl.read_parquet(photos.folder / "evaluation/predictions.parquet").row(by_predicate=pl.col("id") == id_, named=True)
    assert found["prediction"]["probabilities"] == {name: row[f"probability_{name}"] for name in ("cat", "dog")}
    assert found["prediction"]["is_right"] == (row["target"] == row["prediction"])


def test_a_train_sample_is_augmented_and_not_predicted(photos: Chain, capsys: pytest.CaptureFixture[str]) -> None:
    found = trace("people", one_of(photos, "train"), photos.root)
    assert found["augmented"] == {"applies": True, "transforms": ["HorizontalFlip"], "copies": 0}
    assert found["prediction"] is None
    print_trace("people", found["id"], photos.root, as_json=False)
    text = capsys.readouterr().out
    assert "changed anew each epoch by HorizontalFlip" in text and "the model learnt from it" in text


def test_a_golden_sample_tells_what_the_exported_model_was_certified_to_answer(photos: Chain) -> None:
    golden = photos.json("exported/certificate.json")["golden"][0]
    assert trace("people", golden["id"], photos.root)["exported"] == {"is_golden": True, "certified": golden}


def test_a_rejected_sample_ends_with_its_reason(photos: Chain, capsys: pytest.CaptureFixture[str]) -> None:
    found = trace("people", "cat/29.png", photos.root)
    assert found["clean"]["kept"] is False and found["clean"]["reason"] == "unreadable" and found["clean"]["detail"]
    assert found["parts"] is found["prediction"] is None
    print_trace("people", found["id"], photos.root, as_json=False)
    text = capsys.readouterr().out
    assert "rejected: unreadable" in text and "- (rejected)" in text


def test_the_start_of_an_id_or_an_origin_is_enough(photos: Chain) -> None:
    id_ = one_of(photos, "val")
    origin = trace("people", id_, photos.root)["source"]["origin"]
    assert trace("people", id_[:12], photos.root)["id"] == trace("people", origin, photos.root)["id"] == id_


def test_the_start_of_several_ids_names_some_of_them(photos: Chain) -> None:
    with pytest.raises(DataError, match=r"'' is the start of 60 ids of people: .*, \.\.\.\. Give more of it"):
        trace("people", "", photos.root)


def test_an_unknown_sample_names_the_nearest_one(photos: Chain) -> None:
    id_ = one_of(photos, "test")
    with pytest.raises(DataError, match=f"did you mean '{id_}'"):
        trace("people", f"{id_[:-1]}?", photos.root)
    with pytest.raises(DataError, match=r"did you mean \w+ \(dog/07\.png\)"):
        trace("people", "og/07", photos.root)


def test_the_command_prints_the_same_as_json(photos: Chain) -> None:
    id_ = one_of(photos, "test")
    told = CliRunner().invoke(app, ["trace", "people", id_, "--json"])
    assert json.loads(told.stdout)["prediction"] == trace("people", id_, photos.root)["prediction"]


def test_of_a_table_the_cells_and_the_typed_values_are_told_as_far_as_it_has_run(
    people: Chain, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(ArtifactError, match="Run: dl run people ingest"):
        trace("people", "x", people.root)
    people.ingest()
    found = trace("people", "people.csv:3", people.root)
    assert found["raw"]["cells"] == {"age": "22", "colour": "blue"} and found["clean"] is None
    people.clean()
    assert trace("people", found["id"], people.root)["clean"]["values"] == {"age": 22.0, "colour": "blue"}
    people.split()
    print_trace("people", found["id"], people.root, as_json=False)
    text = capsys.readouterr().out
    assert "age 22, colour blue" in text
    assert "- (not there yet: dl run people augment)" in text and "- (not there yet: dl run people evaluate)" in text
