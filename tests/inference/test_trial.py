"""A model that cannot take the pictures is told before a training begins."""

import pytest
import torch

from dl_assets import registry
from dl_assets.config import Choice
from dl_assets.errors import ConfigError
from dl_assets.inference.network import build_network
from dl_assets.inference.trial import try_body
from dl_assets.tasks.image_classification import image_classification


@pytest.mark.parametrize(
    ("architecture", "side"), [("inception_v3", 32), ("crossvit_tiny_240", 32), ("vit_tiny_patch16_224", 8)]
)
def test_an_architecture_that_cannot_take_the_size_is_named_with_the_reason(architecture, side):
    model = Choice("backbone", {"architecture": architecture})
    says = rf"'{architecture}' cannot take pictures of {side} x {side} px with 3 channels: .+\. Take larger pictures"
    with torch.device("meta"), pytest.raises(ConfigError, match=says):
        try_body(model, (3, (side, side), (3, side, side)), 10)


def test_what_a_model_says_itself_is_told_as_it_is():
    with pytest.raises(ConfigError, match=r"^the map has shrunk to 2 x 2, too small for a kernel of 3"):
        try_body(Choice("cnn", {"stride": 4, "padding": 0}), (1, (8, 8), (1, 8, 8)), 3)


def test_a_model_that_fits_is_built_as_without_the_trial_and_ready_to_train():
    torch.manual_seed(3)
    tried = try_body(Choice("cnn", {}), (1, (8, 8), (1, 8, 8)), 3)
    torch.manual_seed(3)
    built = registry.find("models", "cnn")(1, 3, (8, 8))
    states = tried.state_dict(), built.state_dict()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[1])
    assert all(module.training for module in tried.modules())


def test_the_size_that_counts_is_the_one_that_the_network_is_shown():
    inputs = {"shape": [64, 64, 3], "mean": [0.5] * 3, "std": [0.2] * 3, "crop": [8, 8]}
    model = Choice("cnn", {"padding": 0, "kernel": 5, "depth": 3})
    with pytest.raises(ConfigError, match="the map has shrunk"):
        build_network(image_classification, model, {"inputs": inputs, "targets": {"classes": ["a", "b"]}})
    del inputs["crop"]
    build_network(image_classification, model, {"inputs": inputs, "targets": {"classes": ["a", "b"]}})
