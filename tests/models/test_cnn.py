"""The options of the small convolutional network."""

import pytest
import torch
from pydantic import ValidationError

from dl_assets import registry
from dl_assets.errors import ConfigError
from dl_assets.models._parts.activations import ACTIVATIONS
from dl_assets.models.cnn import cnn


def num_parameters(**options: float) -> int:
    return sum(parameter.numel() for parameter in cnn(1, 10, **options).parameters())


def test_the_default_for_digits_has_four_convolutions_of_32_and_64_channels():
    weights = [tuple(p.shape) for p in cnn(1, 10).parameters() if p.ndim == 4]
    assert weights == [(32, 1, 3, 3), (32, 32, 3, 3), (64, 32, 3, 3), (64, 64, 3, 3)]


def test_max_width_bounds_the_size_of_deep_networks():
    assert num_parameters(depth=5, max_width=64) < num_parameters(depth=5) / 5


@pytest.mark.parametrize(
    "options", [{"width": 2}, {"depth": 0}, {"depth": 9}, {"dropout": 1.0}, {"depth": 2.5}, {"kernel": 4}, {"padding": "valid"}]
)
def test_an_option_out_of_its_bounds_is_refused(options):
    with pytest.raises(ValidationError):
        registry.options_of(cnn)(**options)


def test_dropout_is_only_felt_in_training():
    torch.manual_seed(0)
    model, pixels = cnn(1, 3, dropout=0.5).eval(), torch.rand(2, 1, 8, 8)
    assert torch.equal(model(pixels), model(pixels))
    assert not torch.equal(model.train()(pixels), model(pixels))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_is_between_the_layers(activation):
    model = cnn(1, 3, activation=activation, hidden=(6,), width=4)
    assert sum(isinstance(module, ACTIVATIONS[activation]) for module in model.modules()) == 2 * 2 + 1
    assert torch.isfinite(model(torch.rand(2, 1, 8, 8))).all()


@pytest.mark.parametrize(
    ("options", "side"),
    [
        ({"pooling": "max"}, 8),
        ({"pooling": "average"}, 8),
        ({"pooling": "none"}, 16),
        ({"pooling": "none", "stride": 2}, 4),
        ({"pooling": "none", "padding": 0}, 12),
        ({"pooling": "none", "padding": 2}, 20),
        ({"pooling": "none", "kernel": 7}, 16),
    ],
)
def test_the_map_shrinks_as_kernel_stride_padding_and_pooling_say(options, side):
    assert cnn(1, 3, width=4, **options).stages(torch.rand(2, 1, 16, 16)).shape == (2, 8, side, side)


def test_average_pooling_takes_the_mean_and_max_pooling_the_largest():
    torch.manual_seed(0)
    largest = cnn(1, 3, width=4, depth=2, pooling="max").eval()
    mean = cnn(1, 3, width=4, depth=2, pooling="average").eval()
    mean.load_state_dict(largest.state_dict())
    pixels = torch.rand(2, 1, 4, 4)
    whole = cnn(1, 3, width=4, depth=2, pooling="none").eval()
    whole.load_state_dict(largest.state_dict())
    windows = whole.stages[0](pixels).unfold(2, 2, 2).unfold(3, 2, 2)  # [B, D, 4, 4] -> [B, D, 2, 2, 2, 2]
    assert torch.allclose(largest.stages[0](pixels), windows.amax(dim=(4, 5)))
    assert torch.allclose(mean.stages[0](pixels), windows.mean(dim=(4, 5)))


def test_hidden_layers_stand_between_the_map_and_the_outputs():
    assert [tuple(p.shape) for p in cnn(1, 3, width=4, hidden=(20, 6)).head.parameters() if p.ndim == 2] == [
        (20, 8),
        (6, 20),
        (3, 6),
    ]


def test_without_batch_norm_the_convolutions_have_a_bias():
    names = [name for name, _ in cnn(1, 3, depth=1, batch_norm=False, convolutions=1).stages.named_parameters()]
    assert names == ["0.widen.weight", "0.widen.bias"]


@pytest.mark.parametrize(
    ("options", "left"), [({"padding": 0, "kernel": 5, "depth": 3}, "2 x 2"), ({"stride": 4, "padding": 0}, "2 x 2")]
)
def test_a_map_that_shrinks_to_nothing_is_told(options, left):
    with pytest.raises(ConfigError, match=rf"the map has shrunk to {left}, too small for a kernel .* Take `padding: same`"):
        cnn(1, 3, **options)(torch.rand(2, 1, 8, 8))
