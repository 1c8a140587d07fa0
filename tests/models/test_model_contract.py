"""What every registered model must be able to do, whoever wrote it."""

import onnxruntime
import pytest
import torch
from torch import nn
from torch.nn import functional

from dl_assets import registry
from dl_assets.inference.network import Network
from dl_assets.stages.export import write_onnx

torch.set_num_threads(1)
MODELS = [name for name in registry.names("models") if registry.find("models", name).maps == "image->vector"]


class Scale(nn.Module):
    """The least preprocessing: uint8 [B, H, W, C] -> float32 [B, C, H, W]."""

    def forward(self, raw: torch.Tensor) -> torch.Tensor:
        return raw.permute(0, 3, 1, 2).float() / 255


def build(name: str, channels: int, outputs: int) -> nn.Module:
    torch.manual_seed(0)
    return registry.find("models", name)(channels, outputs)


def test_every_model_says_what_it_maps():
    assert all("->" in registry.find("models", name).maps for name in registry.names("models"))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(("channels", "height", "width"), [(1, 8, 8), (3, 17, 17), (3, 24, 40), (3, 128, 128)])
def test_any_picture_becomes_one_number_per_output(name, channels, height, width):
    assert build(name, channels, 5)(torch.rand(2, channels, height, width)).shape == (2, 5)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_can_overfit_eight_samples(name):
    model = build(name, channels=3, outputs=4).train()
    pixels, encoded = torch.rand(8, 3, 16, 16), torch.arange(8) % 4
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses = []
    for _ in range(60):
        loss = functional.cross_entropy(model(pixels), encoded)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 10


@pytest.mark.parametrize("name", MODELS)
def test_a_sample_is_answered_alike_alone_and_among_others(name):
    model = build(name, channels=1, outputs=3).eval()
    pixels = torch.rand(4, 1, 8, 8)
    assert torch.allclose(model(pixels)[:1], model(pixels[:1]), atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_becomes_onnx_that_takes_any_batch(name, tmp_path):
    network = Network(Scale(), build(name, channels=3, outputs=4), nn.Softmax(dim=1)).eval()
    write_onnx(network, (16, 16, 3), "image", {}, tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    for batch_size in (1, 2, 7):
        raw = torch.randint(0, 256, (batch_size, 16, 16, 3), dtype=torch.uint8)
        (found,) = session.run(None, {"image": raw.numpy()})
        assert torch.allclose(torch.from_numpy(found), network.probabilities(raw), atol=1e-5)
