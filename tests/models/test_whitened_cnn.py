"""The network whose first layer is fixed."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from sklearn.datasets import load_sample_images

from dl_assets import registry
from dl_assets.models.whitened_cnn import Patches, cosine_basis, whitened_cnn


@pytest.mark.parametrize("length", [1, 2, 3])
def test_the_basis_is_orthonormal(length):
    basis = cosine_basis(length)
    assert torch.allclose(basis @ basis.T, torch.eye(length), atol=1e-6)
    assert (basis[0] > 0).all(), "first the mean"


def photos() -> torch.Tensor:
    """Return real photos, cut into squares, as a network is shown them: float32 [N, 3, 32, 32]."""
    squares = [
        photo[top : top + 32, left : left + 32]
        for photo in load_sample_images().images
        for top in range(0, 384, 32)
        for left in range(0, 608, 32)
    ]
    pixels = torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2).float()
    return (pixels - pixels.mean()) / pixels.std()


def correlation(samples: torch.Tensor) -> float:
    """Return the mean size of the correlations between the columns of [N, D]."""
    found = torch.corrcoef(samples.T).abs()
    return (found.sum() - len(found)).item() / (found.numel() - len(found))


def test_the_patches_of_photos_come_out_nearly_white():
    pixels = photos()
    patches = torch.nn.functional.unfold(pixels, 2).transpose(1, 2).flatten(0, 1)  # [N, 12, L] -> [N L, 12]
    layer = Patches(3).train()
    features = layer(pixels)[:, :12] - layer(pixels)[:, 12:]  # what the rectifier took apart
    features = features.permute(0, 2, 3, 1).flatten(0, 2)
    assert correlation(patches) > 0.75 and correlation(features) < 0.15
    assert torch.allclose(features.std(0), torch.ones(12), atol=0.02) and features.mean(0).abs().max() < 0.02


def test_the_patches_have_nothing_to_learn_and_the_filters_are_not_stored():
    layer = Patches(3)
    assert not list(layer.parameters())
    assert sorted(layer.state_dict()) == ["norm.num_batches_tracked", "norm.running_mean", "norm.running_var"]


@pytest.mark.parametrize(("side", "left"), [(32, 3), (16, 1), (8, 1), (2, 1)])
def test_every_stage_halves_the_map_until_one_place_is_left(side, left):
    model = whitened_cnn(3, 4, widths=(4, 8, 12))
    assert model.stages(model.patches(torch.rand(2, 3, side, side))).shape == (2, 12, left, left)


def test_the_number_of_convolutions_of_a_stage_can_be_chosen():
    kernels = [p.shape for p in whitened_cnn(1, 4, widths=(4,), convolutions=3).parameters() if p.ndim == 4]
    assert kernels == [(4, 8, 3, 3), (4, 4, 3, 3), (4, 4, 3, 3)]


@pytest.mark.parametrize("options", [{"widths": ()}, {"widths": (2,)}, {"convolutions": 0}, {"dropout": 1.0}])
def test_an_option_out_of_its_bounds_is_refused(options):
    with pytest.raises(ValidationError):
        registry.options_of(whitened_cnn)(**options)
