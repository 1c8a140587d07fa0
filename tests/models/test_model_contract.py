"""What every registered model must be able to do, whoever wrote it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn
from torch.nn import functional

from dl_assets import registry
from dl_assets.exporting.graph import write_onnx
from dl_assets.inference.layers import head_of, layer_groups
from dl_assets.inference.network import Network
from dl_assets.schema import model_schema

MODELS = registry.names("models")
# Where the default is large: timm has a tiny architecture of the same kind.
SMALL: dict[str, dict[str, Any]] = {"backbone": {"architecture": "test_resnet"}}
SPANS = [("number", "age", 0, 4), ("category", "sex", 4, 7), ("category", "town", 7, 27), ("number", "fare", 27, 28)]


class Scale(nn.Module):
    """The least preprocessing: uint8 [B, H, W, C] -> float32 [B, C, H, W], or [B, F] -> [B, F]."""

    def forward(self, raw: torch.Tensor) -> torch.Tensor:
        return (raw.permute(0, 3, 1, 2) if raw.ndim == 4 else raw).float() / 255


@dataclass(frozen=True)
class Kind:
    """What a model is told of its input, and the shapes of a sample as it is stored and as the model is shown it."""

    told: tuple[Any, ...]
    stored: tuple[int, ...]
    shown: tuple[int, ...]


def pictures(channels: int, height: int, width: int) -> Kind:
    return Kind(((height, width),), (height, width, channels), (channels, height, width))


def rows(spans: list[tuple[str, str, int, int]]) -> Kind:
    return Kind((spans,), (spans[-1][-1],), (spans[-1][-1],))


KINDS = {"image->vector": pictures(3, 16, 16), "table->vector": rows(SPANS)}
OTHERS = {
    "image->vector": [pictures(1, 8, 8), pictures(3, 17, 17), pictures(3, 24, 40), pictures(3, 128, 128)],
    "table->vector": [
        rows([("number", "age", 0, 1)]),
        rows([("category", "sex", 0, 2)]),
        rows([("category", "town", 0, 500), ("number", "age", 500, 501)]),
        rows([("number", str(place), 3 * place, 3 * place + 3) for place in range(40)]),
    ],
}


def kind_of(name: str) -> Kind:
    return KINDS[registry.find("models", name).maps]


def build(name: str, outputs: int, kind: Kind | None = None) -> nn.Module:
    torch.manual_seed(0)
    kind = kind or kind_of(name)
    model: nn.Module = registry.find("models", name)(kind.shown[0], outputs, *kind.told, **SMALL.get(name, {}))
    return model


def test_every_model_says_what_it_maps():
    assert all("->" in registry.find("models", name).maps for name in registry.names("models"))


@pytest.mark.parametrize("name", MODELS)
def test_every_option_has_a_default_and_a_meaning(name):
    options = {key: option for key, option in model_schema(name)["properties"].items() if key != "name"}
    assert "weights" in options
    assert [key for key, option in options.items() if "default" not in option or not option.get("description")] == []


@pytest.mark.parametrize("name", MODELS)
def test_the_defaults_are_within_their_own_bounds(name):
    options = registry.options_of(registry.find("models", name))
    assert options.model_validate_json(options().model_dump_json()) == options()


@pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name in MODELS for kind in OTHERS[registry.find("models", name).maps]]
)
def test_any_sample_becomes_one_number_per_output(name, kind):
    assert build(name, 5, kind)(torch.rand(2, *kind.shown)).shape == (2, 5)


@pytest.mark.parametrize("name", MODELS)
def test_every_parameter_gets_a_finite_gradient(name):
    model = build(name, outputs=4).train()
    functional.cross_entropy(model(torch.rand(4, *kind_of(name).shown)), torch.arange(4)).backward()
    assert [key for key, p in model.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()] == []


@pytest.mark.parametrize("name", MODELS)
def test_a_model_can_overfit_eight_samples(name):
    model = build(name, outputs=4).train()
    shown, encoded = torch.rand(8, *kind_of(name).shown), torch.arange(8) % 4
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(60):
        loss = functional.cross_entropy(model(shown), encoded)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 10


@pytest.mark.parametrize("name", MODELS)
def test_a_sample_is_answered_alike_alone_and_among_others(name):
    model = build(name, outputs=3).eval()
    shown = torch.rand(4, *kind_of(name).shown)
    assert torch.allclose(model(shown)[:1], model(shown[:1]), atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_the_head_and_the_groups_before_it_are_all_of_a_model(name):
    model = build(name, outputs=4)
    named = [*(key for group in layer_groups(model) for key in group), *head_of(model)]
    assert sorted(named) == sorted(key for key, _ in model.named_parameters())
    assert {model.get_parameter(key).shape[0] for key in head_of(model)} == {4}
    assert len(layer_groups(model)) > 1


@pytest.mark.parametrize("name", MODELS)
def test_a_model_becomes_onnx_that_takes_any_batch(name, tmp_path):
    exports_alike(build(name, outputs=4), kind_of(name), tmp_path)


def exports_alike(model: nn.Module, kind: Kind, folder: Any) -> None:
    network = Network(Scale(), model, nn.Softmax(dim=1)).eval()
    write_onnx(network, np.zeros(kind.stored, np.uint8), "sample", {}, folder / "model.onnx", answer="probabilities")
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    for batch_size in (1, 2, 7):
        raw = torch.randint(0, 256, (batch_size, *kind.stored), dtype=torch.uint8)
        (found,) = session.run(None, {"sample": raw.numpy()})
        assert torch.allclose(torch.from_numpy(found), network.probabilities(raw), atol=1e-5)


# ---- one architecture of each family ---------------------------------------------------------------------------

# Large ones are built without memory: what matters is that they take the picture and answer in the right shape.
SMALLEST = {
    "ResNet": ("test_resnet", 32),
    "MobileNet": ("mobilenetv3_small_050", 32),
    "EfficientNet": ("test_efficientnet", 32),
    "ConvNeXt": ("test_convnext", 32),
    "ViT": ("test_vit", 32),
}
LARGE = {"VGG": ("vgg11", 32), "Inception": ("inception_v3", 96)}
FAMILIES = SMALLEST | LARGE


def of_family(family: str, outputs: int = 4) -> tuple[nn.Module, int]:
    architecture, side = FAMILIES[family]
    torch.manual_seed(0)
    return registry.find("models", "backbone")(3, outputs, (side, side), architecture=architecture), side


@pytest.mark.parametrize("family", FAMILIES)
def test_an_architecture_of_each_family_answers_a_small_picture(family):
    with torch.device("meta"):
        model, side = of_family(family)
        assert model.train()(torch.zeros(2, 3, side, side)).shape == (2, 4)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_architecture_of_each_family_has_a_head_and_groups_before_it(family):
    with torch.device("meta"):
        model, _ = of_family(family)
    head, groups = head_of(model), layer_groups(model)
    assert {model.get_parameter(name).shape[0] for name in head} == {4}
    assert sorted([*head, *(name for group in groups for name in group)]) == sorted(
        name for name, _ in model.named_parameters()
    )
    assert len(groups) >= 4


@pytest.mark.parametrize("family", SMALLEST)
def test_an_architecture_of_each_family_learns(family):
    model, side = of_family(family)
    pixels, encoded = torch.rand(8, 3, side, side), torch.arange(8) % 4
    optimizer = torch.optim.AdamW(model.train().parameters(), lr=1e-3)
    losses = []
    for _ in range(25):
        loss = functional.cross_entropy(model(pixels), encoded)
        optimizer.zero_grad()
        loss.backward()
        assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2


def test_a_vit_becomes_onnx(tmp_path):
    model, side = of_family("ViT")
    exports_alike(model, pictures(3, side, side), tmp_path)
