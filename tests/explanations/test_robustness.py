"""Attacks do what theory says of a linear network, never help it, and keep their bounds; corruptions grow with severity."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from pictures import make_pictures
from scipy.stats import binomtest
from torch import Tensor, nn

from dl_assets.explanations._image import attacks
from dl_assets.explanations._image.asked import Asked
from dl_assets.explanations._image.attacks import LEVELS, many_steps, one_step, withstands
from dl_assets.explanations._image.corruptions import CORRUPTIONS, SEVERITIES, corrupted
from dl_assets.explanations._image.exam import Exam, draw_exam
from dl_assets.explanations._slices.shares import wilson
from dl_assets.inference.network import Network
from dl_assets.inputs import image
from dl_assets.targets import classes

CLASSES = {"classes": ["none", "patch"]}


class Linear(nn.Module):
    """One weight for each pixel, of the second class only."""

    def __init__(self, side: int) -> None:
        super().__init__()
        weights = torch.randn(side * side, generator=torch.Generator().manual_seed(0)) / 255
        self.weights = nn.Parameter(weights)

    def forward(self, features: Tensor) -> Tensor:
        score = features.flatten(1) @ self.weights
        return torch.stack([torch.zeros_like(score), score], dim=1)


def exam_of(network: Network, pixels: np.ndarray, targets: list[str], folder: Path, most: int = 500) -> Exam:
    np.save(folder / "pixels-00000.npy", pixels)
    test = pl.DataFrame({"target": targets, "shard": 0, "row": np.arange(len(pixels))})
    return draw_exam(Asked(network, pixels[0]), test, folder, "classes", CLASSES, most=most, seed=1)


@pytest.fixture
def linear(tmp_path: Path) -> tuple[Exam, np.ndarray]:
    """Pictures of middle grey, most of which a linear network answers right, and by which margin it does."""
    pixels = np.random.default_rng(1).integers(100, 156, (300, 6, 6, 1), dtype=np.uint8)
    preprocess = image.preprocess({"mean": [0.5], "std": [1 / 255]})  # pixels less 127.5
    body = Linear(6)
    network = Network(preprocess, body, nn.Softmax(dim=1))
    with torch.no_grad():
        scores = network(torch.from_numpy(pixels))[:, 1].numpy()
    is_patch = scores > 0
    is_patch[::10] = ~is_patch[::10]
    exam = exam_of(network, pixels, np.where(is_patch, "patch", "none").tolist(), tmp_path)
    return exam, np.where(is_patch, scores, -scores) / np.abs(body.weights.detach().numpy()).sum()


def test_a_linear_network_is_fooled_where_its_margin_over_the_sum_of_its_weights_is_less_than_the_level(
    linear: tuple[Exam, np.ndarray],
) -> None:
    exam, margins = linear
    assert np.abs(margins[:, None] - LEVELS).min() > 1e-5 and (margins < 0).mean() == pytest.approx(0.1)
    expected = margins[None] > np.array(LEVELS)[:, None]
    assert 0.05 < expected[1].mean() < 0.95
    assert (one_step(exam) == expected).all()
    assert (many_steps(exam) == expected).all()


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Exam:
    """A small convolutional network that answers nearly all right, and can be fooled."""
    has_patch = np.arange(200) % 2 == 0
    pixels = np.random.default_rng(0).integers(0, 200, (200, 8, 8, 1), dtype=np.uint8)
    pixels[has_patch, 2:6, 2:6] = np.minimum(pixels[has_patch, 2:6, 2:6] + 55, 255)
    targets = np.where(has_patch, "patch", "none").tolist()
    network = make_pictures(tmp_path_factory.mktemp("learnt"), pixels, targets, steps=60).network
    return exam_of(network, pixels, targets, tmp_path_factory.mktemp("exam"))


def test_accuracy_under_pgd_falls_with_epsilon_and_is_never_above_that_under_fgsm(learnt: Exam) -> None:
    once, often = one_step(learnt), many_steps(learnt)
    assert (once[0] == often[0]).all() and once[0].mean() > 0.8
    assert (often <= once).all()
    assert (np.diff(often.astype(int), axis=0) <= 0).all()
    accuracy = often.mean(axis=1)
    assert accuracy[-1] < accuracy[2] - 0.2 and accuracy[-1] < once[-1].mean()


def test_pgd_is_the_stronger_the_larger_epsilon_even_where_nothing_is_carried_along(learnt: Exam) -> None:
    standing = np.flatnonzero(one_step(learnt)[0])
    alone = [withstands(learnt, standing, level).mean() for level in LEVELS[1:]]
    assert alone == sorted(alone, reverse=True) and alone[-1] < alone[0] - 0.2


def test_where_every_answer_is_wrong_nothing_is_left_to_attack(learnt: Exam, tmp_path: Path) -> None:
    swapped = ["none" if name == "patch" else "patch" for name in learnt.strata.list.first()]
    right = np.flatnonzero(learnt.is_right(learnt.pixels(np.arange(200)), np.arange(200)))
    lost = exam_of(learnt.asked.network, learnt.pictures[right], [swapped[index] for index in right], tmp_path)
    assert not one_step(lost).any() and not many_steps(lost).any()


def test_no_attack_leaves_its_bounds(learnt: Exam, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Tensor] = []
    outputs = Asked.outputs
    monkeypatch.setattr(Asked, "outputs", lambda self, pixels: seen.append(pixels.detach()) or outputs(self, pixels))
    one = np.flatnonzero(many_steps(learnt)[2])[:1]  # it withstands a level, so every step is seen
    clean = learnt.pixels(one)
    seen.clear()
    assert withstands(learnt, one, 1.0).all()
    assert len(seen) == attacks.STEPS + 1 and torch.equal(seen[0], clean)
    assert all(pixels.min() >= 0 and pixels.max() <= 255 for pixels in seen)
    assert max(float((pixels - clean).abs().max()) for pixels in seen) == pytest.approx(1.0)
    assert float((seen[-1] - seen[1]).abs().max()) > 0  # later steps do move


def test_of_a_costly_network_fewer_samples_are_examined(learnt: Exam, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dl_assets.explanations._image.exam._BUDGET", 50 * 90 * learnt.asked.operations)
    few = exam_of(learnt.asked.network, learnt.pictures, learnt.strata.list.first().to_list(), tmp_path)
    assert len(few) == 50 and few.told == "50 of 200"
    assert len(exam_of(learnt.asked.network, learnt.pictures, learnt.strata.list.first().to_list(), tmp_path, most=20)) == 20


def test_what_a_picture_costs_is_the_operations_of_its_layers() -> None:
    network = Network(
        image.preprocess({"mean": [0.5], "std": [1.0]}), nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten()), nn.Identity()
    )
    picture = np.zeros((8, 8, 1), dtype=np.uint8)
    assert Asked(network, picture).operations == 2 * 4 * 9 * 36


# ---- corruptions -------------------------------------------------------------------------------------------------------


def photos(channels: int) -> np.ndarray:
    """Bars of middle grey, of four widths."""
    rows = np.arange(32)[:, None] * np.ones(32)
    grey = np.stack([np.where(np.abs(rows - 15) < 2 + width, 170, 80) for width in range(1, 5)]).astype(np.uint8)
    return np.stack([np.roll(grey, shift, axis=1) for shift in range(channels)], axis=-1)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", CORRUPTIONS)
def test_every_corruption_grows_with_its_severity_and_is_the_same_for_the_same_seed(name: str, channels: int) -> None:
    pictures = photos(channels)
    changed = [corrupted(pictures, name, severity, 17) for severity in SEVERITIES]
    assert all(one.shape == pictures.shape and one.dtype == np.uint8 for one in changed)
    distances = [np.abs(one.astype(float) - pictures).mean() for one in changed]
    assert distances == sorted(distances) and distances[0] > 0.3
    assert (corrupted(pictures, name, 3, 17) == changed[2]).all()


def test_another_seed_draws_other_noise() -> None:
    assert (corrupted(photos(1), "noise", 1, 17) != corrupted(photos(1), "noise", 1, 18)).any()


def test_jpeg_takes_colours_for_what_they_are() -> None:
    red = np.zeros((1, 16, 16, 3), dtype=np.uint8)
    red[..., 0] = 200
    assert corrupted(red, "JPEG", 1, 17)[0].mean(axis=(0, 1)) == pytest.approx([200, 0, 0], abs=3)


def test_intervals_of_shares_are_those_of_scipy() -> None:
    for hits, count in ((0, 7), (5, 9), (200, 200)):
        interval = binomtest(hits, count).proportion_ci(method="wilson")
        assert np.array(wilson(np.array([float(hits)]), np.array([float(count)])))[:, 0] == pytest.approx([*interval], abs=1e-6)


def test_what_the_card_says_of_the_cost_is_taken_from_there() -> None:
    network = Network(nn.Flatten(), nn.Linear(12, 2), nn.Softmax(dim=1))
    network.flops = 7
    assert Asked(network, np.zeros((2, 2, 3), np.uint8)).operations == 7


def test_a_changed_picture_is_answered_as_what_ships_answers_with_calibration_and_threshold(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(100, 156, (50, 6, 6, 1), dtype=np.uint8)
    network = Network(image.preprocess({"mean": [0.5], "std": [1 / 255]}), Linear(6), nn.Softmax(dim=1))
    network.calibration = classes.calibration({**CLASSES, "temperature": 1e3}) or nn.Identity()  # next to a half, all of them
    np.save(tmp_path / "pixels-00000.npy", pixels)
    test = pl.DataFrame({"target": "patch", "shard": 0, "row": np.arange(50)})
    all_of_them = np.arange(50)
    for threshold, share in ((0.4, 1.0), (0.6, 0.0)):
        fitted = {**CLASSES, "threshold": threshold, "positive": "patch"}
        exam = draw_exam(Asked(network, pixels[0]), test, tmp_path, "classes", fitted, most=50, seed=1)
        assert exam.is_right(exam.pixels(all_of_them), all_of_them).mean() == share
