"""What every optimizer must be able to do, and that it is torch's."""

import pytest
import torch
from torch import nn

from dl_assets import registry

OPTIMIZERS = registry.names("optimizers")


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))


def groups(model: nn.Module, rate: float) -> list[dict[str, object]]:
    first, *others = model.parameters()
    return [{"params": [first], "lr": rate, "weight_decay": 0.1}, {"params": others, "lr": rate / 10, "weight_decay": 0.0}]


def train(model: nn.Module, optimizer: torch.optim.Optimizer, steps: int = 20) -> list[float]:
    samples, targets = torch.rand(8, 4), torch.arange(8) % 3
    losses = []
    for _ in range(steps):
        loss = nn.functional.cross_entropy(model(samples), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_loss_falls_and_every_group_has_its_own_rate_and_decay(name):
    model = network()
    optimizer = registry.find("optimizers", name)(groups(model, 0.01))
    losses = train(model, optimizer)
    assert losses[-1] < losses[0]
    assert [(group["lr"], group["weight_decay"]) for group in optimizer.param_groups] == [(0.01, 0.1), (0.001, 0.0)]


@pytest.mark.parametrize(
    ("name", "options", "theirs"),
    [
        ("sgd", {}, lambda held: torch.optim.SGD(held, momentum=0.9, nesterov=True)),
        ("sgd", {"momentum": 0.0}, lambda held: torch.optim.SGD(held)),
        ("sgd", {"momentum": 0.5, "nesterov": False}, lambda held: torch.optim.SGD(held, momentum=0.5)),
        ("adam", {"beta1": 0.8}, lambda held: torch.optim.Adam(held, betas=(0.8, 0.999))),
        ("adamw", {"beta2": 0.99}, lambda held: torch.optim.AdamW(held, betas=(0.9, 0.99))),
        ("rmsprop", {"momentum": 0.5}, lambda held: torch.optim.RMSprop(held, momentum=0.5)),
    ],
)
def test_it_steps_as_torch_does(name, options, theirs):
    ours, other = network(), network()
    torch.manual_seed(1)
    found = train(ours, registry.find("optimizers", name)(groups(ours, 0.01), **options))
    torch.manual_seed(1)
    assert found == pytest.approx(train(other, theirs(groups(other, 0.01))), rel=1e-4)
