"""What Muon does to a matrix, and that it leaves everything else to AdamW."""

import pytest
import torch
from torch import nn

from dl_assets.optimizers._muon import Muon, orthogonal


@pytest.mark.parametrize("shape", [(6, 40), (40, 6), (16, 16)])
def test_all_singular_values_come_near_one_and_the_singular_vectors_stay(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    left, _ = torch.linalg.qr(torch.randn(shape[0], min(shape)))
    right, _ = torch.linalg.qr(torch.randn(shape[1], min(shape)))
    matrix = left @ torch.diag(torch.logspace(-1, 1, min(shape))) @ right.T
    within = left.T @ orthogonal(matrix) @ right
    assert ((within.diag() > 0.6) & (within.diag() < 1.3)).all()
    assert within.fill_diagonal_(0).abs().max() < 1e-3


def test_the_kernel_of_a_convolution_is_changed_as_one_matrix_and_biases_as_adamw_does() -> None:
    torch.manual_seed(0)
    layer, other = nn.Conv2d(4, 8, 3), nn.Conv2d(4, 8, 3)
    other.load_state_dict(layer.state_dict())
    before = layer.weight.detach().clone()
    optimizers = [
        kind(model.parameters(), lr=0.01, weight_decay=0.0) for kind, model in ((Muon, layer), (torch.optim.AdamW, other))
    ]
    pictures = torch.randn(2, 4, 5, 5)
    for optimizer, model in zip(optimizers, (layer, other), strict=True):
        model(pictures).square().sum().backward()
        optimizer.step()
    assert torch.equal(layer.bias, other.bias)
    change = (layer.weight - before).flatten(1)
    values = torch.linalg.svdvals(change) / (0.01 * 0.2 * 36**0.5)
    assert values.min() > 0.6 and values.max() < 1.3
    assert change.square().mean().sqrt().item() == pytest.approx(0.2 * 0.01, rel=0.3), "about what AdamW changes at this rate"


def test_the_decay_is_apart_from_the_gradient() -> None:
    layer = nn.Linear(4, 4, bias=False)
    nn.init.ones_(layer.weight)
    layer.weight.grad = torch.zeros(4, 4)
    Muon(layer.parameters(), lr=0.1, weight_decay=0.5).step()
    assert torch.allclose(layer.weight, torch.full((4, 4), 0.95))


def test_it_goes_on_as_if_it_had_not_stopped() -> None:
    def step(model: nn.Module, optimizer: torch.optim.Optimizer, times: int) -> None:
        for _ in range(times):
            optimizer.zero_grad()
            model(torch.ones(2, 4)).square().sum().backward()
            optimizer.step()

    torch.manual_seed(0)
    whole, halved = nn.Linear(4, 6), nn.Linear(4, 6)
    halved.load_state_dict(whole.state_dict())
    step(whole, Muon(whole.parameters(), lr=0.1), 6)
    first = Muon(halved.parameters(), lr=0.1)
    step(halved, first, 3)
    second = Muon(halved.parameters(), lr=0.1)
    second.load_state_dict(first.state_dict())
    step(halved, second, 3)
    assert torch.equal(whole.weight, halved.weight) and torch.equal(whole.bias, halved.bias)
