"""What is shown of a picture is where the answer comes from, whatever the network."""

from pathlib import Path

import numpy as np
import pytest
import torch
from pictures import Pictures, make_pictures, with_patches
from torch import nn

from dl_assets.explanations._image.asked import Asked
from dl_assets.explanations._image.feature_map import last_map
from dl_assets.explanations._image.kinds import KINDS
from dl_assets.explanations._image.maps import Maps
from dl_assets.inference.network import CROP, Network
from dl_assets.models.backbone import backbone
from dl_assets.models.cnn import cnn

NUM_SAMPLES = 200


@pytest.fixture(scope="module", params=["classes", "labels"])
def planted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pictures:
    """Pictures whose class, or one of whose labels, is whether there is a bright patch in the upper left corner."""
    has_patch = np.arange(NUM_SAMPLES) % 2 == 0
    pixels = with_patches(np.random.default_rng(0), has_patch)
    words = ("patch", "none") if request.param == "classes" else ("noise|patch", "noise")
    targets = [words[0] if here else words[1] for here in has_patch]
    if request.param == "labels":  # and sometimes there is nothing
        targets[1::4] = [""] * len(targets[1::4])
    return make_pictures(tmp_path_factory.mktemp("planted"), pixels, targets, request.param)


def maps_of(pictures: Pictures, **options: int) -> Maps:
    asked = Asked(pictures.network, pictures.pixels[0])
    kind = KINDS[pictures.config.task.targets]
    return Maps(asked, pictures.pixels[0], kind.explained, **{"num_explained": 1, **options})


def test_both_maps_light_up_where_the_pattern_was_planted(planted: Pictures) -> None:
    shown = planted.pixels[::2][:50]
    outputs = np.full(len(shown), planted.fitted["targets"]["classes"].index("patch"))
    maps = maps_of(planted)
    cams, gradients = maps.grad_cam(shown, outputs), maps.gradients(shown, outputs)
    assert cams is not None and cams.shape == gradients.shape == (50, 12, 12)
    in_corner = cams[:, :6, :6].sum(axis=(1, 2)) / cams.sum(axis=(1, 2))  # a quarter of the area
    assert np.median(in_corner) > 0.6 and cams.max() == 1
    for_it = gradients.clip(min=0)
    in_patch = for_it[:, 1:4, 1:4].sum(axis=(1, 2)) / for_it.sum(axis=(1, 2))  # a sixteenth of the area
    assert np.median(in_patch) > 0.6


def test_integrated_gradients_sum_to_the_difference_from_a_picture_of_the_mean_colour(planted: Pictures) -> None:
    shown, outputs = planted.pixels[:20], np.arange(20) % 2
    found = maps_of(planted).gradients(shown, outputs).sum(axis=(1, 2))
    explained = KINDS[planted.config.task.targets].explained(planted.network.body)
    with torch.no_grad():
        features = planted.network.preprocess(torch.from_numpy(shown))
        difference = (explained(features) - explained(torch.zeros_like(features)))[range(20), outputs]
    assert found == pytest.approx(difference.numpy(), abs=0.05)


def test_integrated_gradients_of_a_linear_network_are_weights_times_pixels() -> None:
    body = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    pixels = np.random.default_rng(0).integers(0, 256, (3, 4, 4, 1), dtype=np.uint8)
    network = Network(Float(), body, nn.Softmax(dim=1))
    maps = Maps(Asked(network, pixels[0]), pixels[0], KINDS["classes"].explained, num_explained=3)
    weights = (body[1].weight[1] - body[1].weight.mean(dim=0)).detach().numpy().reshape(4, 4)
    assert maps.gradients(pixels, np.ones(3, dtype=np.int64)) == pytest.approx(weights * pixels[..., 0], rel=1e-3, abs=1e-3)
    assert not maps.has_grad_cam and maps.grad_cam(pixels, np.ones(3, dtype=np.int64)) is None


class Float(nn.Module):
    """Pixels as they are, [B, H, W, C] -> [B, C, H, W]."""

    def forward(self, raw: torch.Tensor) -> torch.Tensor:
        return raw.permute(0, 3, 1, 2).float()


def test_what_is_cut_off_is_neither_shown_nor_explained(tmp_path: Path) -> None:
    pixels = with_patches(np.random.default_rng(0), np.arange(60) % 2 == 0, channels=3)
    pictures = make_pictures(tmp_path, pixels, ["patch", "none"] * 30, steps=5, **{CROP: [8, 10]})
    cams = maps_of(pictures).grad_cam(pixels[:4], np.zeros(4, dtype=np.int64))
    assert cams is not None and cams.shape == (4, 8, 10)
    assert pictures.explain(robustness_samples=0)[0].figures["explained_hits"].startswith(b"\x89PNG")


def test_a_costly_network_is_explained_in_fewer_steps(planted: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
    assert maps_of(planted, num_explained=24).steps == 32
    monkeypatch.setattr(
        "dl_assets.explanations._image.maps._BUDGET", 20 * 3 * 24 * Asked(planted.network, planted.pixels[0]).operations
    )
    assert maps_of(planted, num_explained=24).steps == 20
    monkeypatch.setattr("dl_assets.explanations._image.maps._BUDGET", 1)
    assert maps_of(planted, num_explained=24).steps == 8


# ---- the last map ------------------------------------------------------------------------------------------------------


def found_in(body: nn.Module, channels: int, side: int) -> str | None:
    layer = last_map(body.eval(), torch.zeros(1, channels, side, side, device=next(body.parameters()).device))
    return next((name for name, module in body.named_modules() if module is layer), None)


def test_the_last_map_of_the_cnn_is_that_of_its_last_stage() -> None:
    assert found_in(cnn(1, 10, depth=3), 1, 16) == "stages"


@pytest.mark.parametrize(
    ("architecture", "side", "layer"),
    [
        ("resnet18", 128, "layer4"),
        ("resnet18", 32, "layer3"),  # behind it there is but one place left
        ("convnext_atto", 64, "norm_pre"),
        ("efficientnet_b0", 64, "bn2"),
        ("mobilenetv3_small_050", 64, "blocks"),
        ("vit_tiny_patch16_224", 224, None),
        ("mixer_s32_224", 224, None),
        ("swin_tiny_patch4_window7_224", 224, None),
    ],
)
def test_convolutions_of_timm_have_a_last_map_and_transformers_have_none(
    architecture: str, side: int, layer: str | None
) -> None:
    with torch.device("meta"):
        body = backbone(3, 2, architecture=architecture)
    assert found_in(body, 3, side) == layer
