"""Architectures of timm by their name."""

import pytest
import timm
import torch
from pydantic import ValidationError

from dl_assets import registry
from dl_assets.errors import ConfigError
from dl_assets.models.backbone import architectures, backbone, published


def map_side(architecture: str, side: int, **options: object) -> int:
    """Side of the last map for a picture of this side."""
    with torch.device("meta"):
        model = backbone(3, 10, (side, side), architecture=architecture, **options).eval()
        return model.forward_features(torch.zeros(1, 3, side, side)).shape[-1]


def test_a_backbone_is_what_timm_makes_of_the_name():
    torch.manual_seed(0)
    ours = backbone(1, 7, (32, 32), architecture="test_resnet").eval()
    torch.manual_seed(0)
    theirs = timm.create_model("test_resnet", in_chans=1, num_classes=7).eval()
    pixels = torch.rand(2, 1, 32, 32)
    assert torch.equal(ours(pixels), theirs(pixels))


def test_a_vit_is_built_for_the_size_of_the_pictures():
    assert backbone(3, 2, (32, 48), architecture="test_vit").patch_embed.grid_size == (2, 3)


@pytest.mark.parametrize(
    ("architecture", "native", "small"),
    [("resnet18", 1, 4), ("densenet121", 1, 4), ("convnext_atto", 1, 4), ("regnetx_002", 1, 2)],
)
def test_a_small_stem_keeps_a_map_of_small_pictures(architecture, native, small):
    assert (map_side(architecture, 32), map_side(architecture, 32, stem="small")) == (native, small)


def test_a_small_stem_gives_a_vit_patches_of_a_quarter_of_their_side():
    model = backbone(3, 2, (32, 32), architecture="test_vit", stem="small")
    assert model.patch_embed.patch_size == (4, 4)
    assert model(torch.rand(1, 3, 32, 32)).shape == (1, 2)


def test_a_small_stem_leaves_later_poolings_alone():
    with torch.device("meta"):
        native, small = (backbone(3, 2, architecture="inception_v3", stem=stem) for stem in ("native", "small"))
    count = [sum(isinstance(module, torch.nn.MaxPool2d) for module in model.modules()) for model in (native, small)]
    assert count[0] - count[1] == 1


def test_a_stem_that_shrinks_nothing_is_told():
    with torch.device("meta"), pytest.raises(ConfigError, match=r"stem of 'vgg11' .* does not shrink pictures"):
        backbone(3, 2, architecture="vgg11", stem="small")


def test_dropout_and_drop_path_reach_the_architecture():
    model = backbone(3, 2, architecture="test_convnext", dropout=0.3, drop_path=0.2)
    assert {module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)} >= {0.3}
    rates = [module.drop_prob for module in model.modules() if type(module).__name__ == "DropPath"]
    assert max(rates) == pytest.approx(0.2)


def test_an_option_that_an_architecture_does_not_have_is_told():
    with torch.device("meta"), pytest.raises(ConfigError, match=r"'vgg11' has no drop_path\. Leave that away"):
        backbone(3, 2, architecture="vgg11", drop_path=0.1)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("resnet_18", r"is no architecture of timm, did you mean 'resnet\w+'\?"),
        ("resnet18.a1_in1k", r"Write `architecture: resnet18` and `weights: \{hub: resnet18.a1_in1k\}`"),
        ("", "is no architecture of timm"),
    ],
)
def test_a_name_that_timm_does_not_know_is_told(name, says):
    with pytest.raises(ValidationError, match=says):
        registry.options_of(backbone)(architecture=name)


def test_architectures_are_listed_by_pattern():
    assert "resnet18" in architectures("resnet*")
    assert not [name for name in architectures("resnet*") if not name.startswith("resnet")]
    assert "resnet18.a1_in1k" in published("resnet18")
