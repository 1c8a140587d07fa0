"""What the report tells of a model of pictures: which are explained, where it is worse, and that it is the same every time."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from pictures import Pictures, make_pictures, with_patches
from torch import nn

from dl_assets.artifacts.shards import JpegWriter
from dl_assets.evaluation.panel import Panel
from dl_assets.explanations._image import chosen
from dl_assets.explanations._image.asked import Asked
from dl_assets.explanations._image.kinds import KINDS
from dl_assets.inference.network import Network
from dl_assets.inputs.image import VIEWS

TITLES = ["What it looks at in a picture", "Where it is worse", "Worse pictures", "Made to be fooled"]
NUM_SAMPLES = 120


@pytest.fixture(scope="module", params=["classes", "labels"])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    """A tenth of the targets is wrong, so that there are mistakes."""
    rng = np.random.default_rng(0)
    has_patch = rng.random(NUM_SAMPLES) < 0.5
    pixels = with_patches(rng, has_patch, channels=3)
    is_told = has_patch ^ (np.arange(NUM_SAMPLES) % 10 == 1)
    words = ("patch", "plain") if request.param == "classes" else ("noise|patch", "noise")
    targets = [words[0] if told else words[1] for told in is_told]
    return make_pictures(tmp_path_factory.mktemp("case"), pixels, targets, request.param, steps=20)


@pytest.fixture(scope="module")
def panels(case: Pictures) -> list[Panel]:
    return case.explain(explained=3)


def test_four_panels_tell_of_how_many_samples_they_are(panels: list[Panel]) -> None:
    assert [panel.title for panel in panels] == TITLES
    assert [list(panel.figures) for panel in panels] == [
        ["explained_mistakes", "explained_hits"],
        [],
        ["corruptions"],
        ["attacks"],
    ]
    assert all("48 samples of test" in panel.note for panel in panels[1:])
    for panel in panels:
        assert all(png.startswith(b"\x89PNG") for png in panel.figures.values())
        assert all(len(row) == len(panel.columns) for row in panel.rows)
    measured = [cell for panel in panels[2:] for row in panel.rows for cell in row[1:]]
    assert len(measured) == (6 + 2) * 6 and all(re.fullmatch(r"\d+ \(\d+ to \d+\)", cell) for cell in measured)


def test_the_same_seed_gives_the_same_panels(classes: Pictures) -> None:
    first, second = (classes.explain(explained=1) for _ in range(2))
    assert first == second


def test_nothing_is_explained_and_nothing_attacked_where_none_is_asked_for(case: Pictures) -> None:
    assert [panel.title for panel in case.explain(explained=0, robustness_samples=0)] == ["Where it is worse"]


def test_clean_pictures_are_answered_as_the_predictions_say(panels: list[Panel]) -> None:
    _, worse, spoilt, attacked = panels
    accuracy = round(float(worse.rows[0][3].split()[0]))
    assert all(row[1].startswith(f"{accuracy} (") for row in (*spoilt.rows, *attacked.rows))


# ---- which are explained -----------------------------------------------------------------------------------------------


def answers(rows: dict[str, tuple[str, str, float, float]], part: str = "test") -> pl.DataFrame:
    """Predictions by id: target, prediction, and the probabilities of cat and dog."""
    return pl.DataFrame(
        [
            {"id": name, "part": part, "target": target, "prediction": said, "probability_cat": cat, "probability_dog": dog}
            for name, (target, said, cat, dog) in rows.items()
        ]
    ).with_columns(confidence=pl.max_horizontal("probability_cat", "probability_dog"))


def test_of_a_wrong_class_what_was_said_is_explained_the_most_confident_first(classes: Pictures) -> None:
    found = answers({"a": ("cat", "dog", 0.4, 0.6), "b": ("dog", "cat", 0.9, 0.1), "c": ("dog", "dog", 0.2, 0.8)})
    wrong = chosen.mistakes(classes.config, found, ["cat", "dog"], 12)
    assert wrong.rows() == [
        ("b", "cat", "cat (90.0\N{NO-BREAK SPACE}%)", "is dog"),
        ("a", "dog", "dog (60.0\N{NO-BREAK SPACE}%)", "is cat"),
    ]
    assert chosen.mistakes(classes.config, found, ["cat", "dog"], 1)["id"].to_list() == ["b"]


@pytest.mark.parametrize(
    ("target", "said", "cat", "dog", "name", "told"),
    [
        ("cat", "cat|dog", 0.9, 0.8, "dog", "sees dog (80.0\N{NO-BREAK SPACE}%)"),
        ("cat|dog", "cat", 0.9, 0.2, "dog", "misses dog (20.0\N{NO-BREAK SPACE}%)"),
        ("cat", "dog", 0.3, 0.9, "dog", "sees dog (90.0\N{NO-BREAK SPACE}%)"),
        ("cat", "dog", 0.05, 0.9, "cat", "misses cat (5.0\N{NO-BREAK SPACE}%)"),
    ],
)
def test_of_several_labels_the_one_that_is_most_wrong_is_explained(
    target: str, said: str, cat: float, dog: float, name: str, told: str
) -> None:
    row = answers({"a": (target, said, cat, dog)}).row(0, named=True)
    kind = KINDS["labels"]
    assert kind.mistaken(row, ["cat", "dog"]) == name and kind.tell(row, name) == (told, "")


def test_hits_are_of_test_and_of_every_class_in_turn(classes: Pictures) -> None:
    many = {f"c{number}": ("cat", "cat", 0.9, 0.1) for number in range(20)}
    few = {f"d{number}": ("dog", "dog", 0.1, 0.9) for number in range(3)}
    found = pl.concat(
        [answers({**many, **few, "wrong": ("cat", "dog", 0.1, 0.9)}), answers({"v": ("dog", "dog", 0.0, 1.0)}, "val")]
    )
    right = chosen.hits(classes.config, found, 8, 17)
    assert right["name"].to_list() == ["cat"] * 5 + ["dog"] * 3
    assert set(right["id"]).isdisjoint({"wrong", "v"}) and right["told"][-1] == "dog (90.0\N{NO-BREAK SPACE}%)"
    assert right.equals(chosen.hits(classes.config, found, 8, 17))


def test_a_hit_of_several_labels_is_explained_once(labels: Pictures) -> None:
    found = answers({f"{number}": ("cat|dog", "cat|dog", 0.9, 0.8) for number in range(5)})
    right = chosen.hits(labels.config, found, 12, 17)
    assert right["id"].n_unique() == len(right) == 5


@pytest.fixture(scope="module")
def classes(tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    return _tiny(tmp_path_factory.mktemp("classes"), "classes")


@pytest.fixture(scope="module")
def labels(tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    return _tiny(tmp_path_factory.mktemp("labels"), "labels")


def _tiny(folder: Path, kind: str) -> Pictures:
    pixels = with_patches(np.random.default_rng(0), np.arange(10) % 2 == 0, side=8)
    return make_pictures(folder, pixels, ["cat", "dog"] * 5, kind, steps=0)


def test_where_nothing_is_wrong_only_hits_are_explained_and_the_reverse(classes: Pictures) -> None:
    told = classes.predictions
    right = told.with_columns(prediction="target")
    other = pl.when(pl.col("target") == "cat").then(pl.lit("dog")).otherwise(pl.lit("cat"))
    for predictions, name in ((right, "explained_hits"), (told.with_columns(prediction=other), "explained_mistakes")):
        panel = classes.explain(predictions, robustness_samples=0)[0]
        assert list(panel.figures) == [name]


def test_of_several_labels_none_of_which_is_there_nothing_is_explained(labels: Pictures) -> None:
    nothing = labels.predictions.with_columns(target=pl.lit(""), prediction=pl.lit(""))
    assert [panel.title for panel in labels.explain(nothing, robustness_samples=0)] == ["Where it is worse"]


def test_a_network_without_a_map_is_explained_by_gradients_alone_and_the_note_says_why(classes: Pictures) -> None:
    body = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    other = dataclasses.replace(classes, network=Network(classes.network.preprocess, body, nn.Softmax(dim=1)))
    panel = other.explain(robustness_samples=0)[0]
    assert "without Grad-CAM, because this network has no last map" in panel.note
    assert "Grad-CAM, bright" in classes.explain(robustness_samples=0)[0].note
    assert panel.figures


def test_of_a_network_that_is_shown_two_views_the_plain_one_is_explained_and_attacked(classes: Pictures) -> None:
    plain = classes.network
    both = Network(plain.preprocess, plain.body, plain.activation, VIEWS["flip"])
    asked = Asked(both, classes.pixels[0])
    pixels = asked.pixels(classes.pixels)
    assert torch.equal(asked.outputs(pixels), plain(torch.from_numpy(classes.pixels)))
    told = asked.probabilities(asked.outputs(pixels))
    assert told == pytest.approx(plain.probabilities(torch.from_numpy(classes.pixels)).detach().numpy())


def test_pictures_that_are_stored_as_jpeg_are_explained_too(tmp_path: Path) -> None:
    pixels = with_patches(np.random.default_rng(0), np.arange(20) % 2 == 0, side=16, channels=3)
    case = make_pictures(tmp_path, pixels, ["patch", "none"] * 10, steps=0)
    for file in tmp_path.glob("pixels-*"):
        file.unlink()
    with JpegWriter(tmp_path, quality=90) as writer:
        for array in pixels:
            writer.write(array)
    assert [panel.title for panel in case.explain(explained=1, robustness_samples=2)] == TITLES


# ---- where it is worse -------------------------------------------------------------------------------------------------


def test_the_worst_slice_of_pictures_comes_first_with_its_wilson_interval(tmp_path: Path) -> None:
    pixels = with_patches(np.random.default_rng(0), np.arange(200) % 2 == 0, side=8)
    case = make_pictures(tmp_path, pixels, ["cat", "dog"] * 100, steps=0)
    camera = pl.Series("camera", ["old" if number % 4 < 2 else "new" for number in range(200)])
    case.samples = case.samples.with_columns(camera)
    is_old = case.predictions.join(case.samples.select("id", "camera"), on="id", maintain_order="left")["camera"] == "old"
    other = pl.when(pl.col("target") == "cat").then(pl.lit("dog")).otherwise(pl.lit("cat"))
    predictions = case.predictions.with_columns(prediction=pl.when(is_old).then(other).otherwise("target"))
    worse = case.explain(predictions, explained=0, robustness_samples=0)[0]
    assert worse.columns == ["property", "values", "samples", "accuracy %"]
    num_old = int((is_old & (predictions["part"] == "test")).sum())
    high = 100 * 1.959964**2 / (num_old + 1.959964**2)  # Wilson, of no hit
    assert worse.rows[1] == ["camera", "old", str(num_old), f"0.0 (0.0 to {high:.1f})"]
