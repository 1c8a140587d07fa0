"""The options of the small convolutional network."""

import pytest
import torch
from pydantic import ValidationError

from dl_assets import registry
from dl_assets.models.cnn import cnn


def num_parameters(**options: float) -> int:
    return sum(parameter.numel() for parameter in cnn(1, 10, **options).parameters())


def test_the_default_for_digits_has_four_convolutions_of_32_and_64_channels():
    weights = [tuple(p.shape) for p in cnn(1, 10).parameters() if p.ndim == 4]
    assert weights == [(32, 1, 3, 3), (32, 32, 3, 3), (64, 32, 3, 3), (64, 64, 3, 3)]


def test_max_width_bounds_the_size_of_deep_networks():
    assert num_parameters(depth=5, max_width=64) < num_parameters(depth=5) / 5


@pytest.mark.parametrize("options", [{"width": 2}, {"depth": 0}, {"depth": 9}, {"dropout": 1.0}, {"depth": 2.5}])
def test_an_option_out_of_its_bounds_is_refused(options):
    with pytest.raises(ValidationError):
        registry.options_of(cnn)(**options)


def test_dropout_is_only_felt_in_training():
    torch.manual_seed(0)
    model, pixels = cnn(1, 3, dropout=0.5).eval(), torch.rand(2, 1, 8, 8)
    assert torch.equal(model(pixels), model(pixels))
    assert not torch.equal(model.train()(pixels), model(pixels))
