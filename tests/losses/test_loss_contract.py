"""What every loss must be able to do, and what each of them is, by numbers worked out by hand."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dl_assets import registry

LOSSES = registry.names("losses")
# outputs [4, 3] and encoded targets of each kind
OUTPUTS = torch.tensor([[2.0, -1.0, 0.5], [0.0, 0.0, 0.0], [-2.0, 3.0, 1.0], [1.0, 1.0, -3.0]])
ENCODED = {
    "classes": torch.tensor([0, 2, 1, 0]),
    "labels": torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0], [0.0, 1.0, 1.0], [1.0, 1.0, 0.0]]),
    "numbers": torch.tensor([[1.5, -1.0, 0.0], [0.5, 4.0, -1.0], [0.0, 2.0, 1.0], [1.0, 0.0, 0.0]]),
}


def loss_of(name: str, outputs: Tensor, weights: Tensor | None = None, **options: float) -> Tensor:
    function = registry.find("losses", name)
    return function(outputs, ENCODED[function.fits], weights, **options)


def softmax(outputs: Tensor) -> np.ndarray:
    powers = np.exp(outputs.double().numpy())
    return powers / powers.sum(axis=1, keepdims=True)


def right() -> np.ndarray:
    """Probability of the right class of each sample."""
    return softmax(OUTPUTS)[range(4), ENCODED["classes"].numpy()]


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("weights", [None, torch.tensor([1.0, 2.0, 0.5])], ids=["plain", "weighted"])
def test_a_loss_is_one_finite_number_with_finite_gradients(name, weights):
    outputs = (100 * OUTPUTS).requires_grad_()
    loss = loss_of(name, outputs, weights)
    loss.backward()
    assert loss.shape == () and torch.isfinite(loss) and loss >= 0
    assert torch.isfinite(outputs.grad).all()


@pytest.mark.parametrize("name", LOSSES)
def test_weights_of_one_change_nothing(name):
    assert loss_of(name, OUTPUTS, torch.ones(3)).item() == pytest.approx(loss_of(name, OUTPUTS).item())


@pytest.mark.parametrize("name", LOSSES)
def test_eight_samples_can_be_learnt_by_every_loss(name):
    function = registry.find("losses", name)
    torch.manual_seed(0)
    model, pixels = nn.Sequential(nn.Linear(5, 64), nn.ReLU(), nn.Linear(64, 3)), torch.rand(8, 5)
    encoded = torch.cat([ENCODED[function.fits]] * 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.02)
    losses = []
    for _ in range(300):
        loss = function(model(pixels), encoded, None)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 10


def test_cross_entropy_is_the_mean_of_the_logarithms():
    assert loss_of("cross_entropy", OUTPUTS).item() == pytest.approx(-np.log(right()).mean())


def test_weighted_cross_entropy_is_the_weighted_mean():
    own = np.array([1.0, 2.0, 0.5])[ENCODED["classes"].numpy()]
    expected = -(own * np.log(right())).sum() / own.sum()
    assert loss_of("cross_entropy", OUTPUTS, torch.tensor([1.0, 2.0, 0.5])).item() == pytest.approx(expected)


def test_label_smoothing_spreads_a_share_over_all_classes():
    logarithms = np.log(softmax(OUTPUTS))
    expected = -(0.9 * np.log(right()) + 0.1 * logarithms.mean(axis=1)).mean()
    assert loss_of("cross_entropy", OUTPUTS, label_smoothing=0.1).item() == pytest.approx(expected)


def test_focal_loss_looks_away_from_what_is_easy():
    expected = -((1 - right()) ** 2 * np.log(right())).mean()
    assert loss_of("focal", OUTPUTS, gamma=2.0).item() == pytest.approx(expected)
    assert loss_of("focal", OUTPUTS, gamma=0.0).item() == pytest.approx(loss_of("cross_entropy", OUTPUTS).item())


def test_binary_cross_entropy_is_the_mean_over_all_labels():
    probabilities = 1 / (1 + np.exp(-OUTPUTS.double().numpy()))
    there = ENCODED["labels"].numpy() > 0
    answers = np.where(there, probabilities, 1 - probabilities)
    assert loss_of("binary_cross_entropy", OUTPUTS).item() == pytest.approx(-np.log(answers).mean())
    weighted = np.where(there, [1.0, 2.0, 0.5], 1.0)
    found = loss_of("binary_cross_entropy", OUTPUTS, torch.tensor([1.0, 2.0, 0.5])).item()
    assert found == pytest.approx(-(weighted * np.log(answers)).mean())
    smoothed = -(0.9 * np.log(answers) + 0.1 * np.log(1 - answers)).mean()
    assert loss_of("binary_cross_entropy", OUTPUTS, label_smoothing=0.2).item() == pytest.approx(smoothed)
    focal = -((1 - answers) ** 2 * np.log(answers)).mean()
    assert loss_of("binary_focal", OUTPUTS, gamma=2.0).item() == pytest.approx(focal)


def test_losses_of_numbers_are_what_their_names_say():
    errors = (OUTPUTS - ENCODED["numbers"]).numpy()
    assert loss_of("mse", OUTPUTS).item() == pytest.approx((errors**2).mean())
    assert loss_of("mae", OUTPUTS).item() == pytest.approx(np.abs(errors).mean())
    huber = np.where(np.abs(errors) <= 0.5, errors**2 / 2, 0.5 * (np.abs(errors) - 0.25))
    assert loss_of("huber", OUTPUTS, delta=0.5).item() == pytest.approx(huber.mean())


def test_weights_of_numbers_make_a_weighted_mean():
    weights = np.array([1.0, 2.0, 0.5])
    errors = (OUTPUTS - ENCODED["numbers"]).numpy()
    expected = (weights * errors**2).sum() / (4 * weights.sum())
    assert loss_of("mse", OUTPUTS, torch.tensor(weights, dtype=torch.float32)).item() == pytest.approx(expected)
