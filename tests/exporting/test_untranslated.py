"""A network that ONNX cannot express is told by the layer that is at fault."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dl_assets.errors import PipelineError
from dl_assets.exporting.graph import write_onnx
from dl_assets.inference.network import Network


class Eigenvalues(nn.Module):
    def forward(self, matrices: Tensor) -> Tensor:
        return torch.linalg.eigvals(matrices).real.sum(dim=1, keepdim=True)  # [B, N, N] -> [B, 1]


class Branching(nn.Module):
    def forward(self, matrices: Tensor) -> Tensor:
        return matrices.mean(dim=(1, 2)) if matrices.sum() > 0 else matrices.sum(dim=(1, 2))


def write(layer: nn.Module, path: Path) -> None:
    body = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.ReLU(), layer))
    network = Network(nn.Identity(), body, nn.Identity())
    write_onnx(network, np.zeros((4, 4), np.float32), "matrix", {}, path, answer="sum")


def test_the_layer_with_an_operator_that_onnx_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(PipelineError) as told:
        write(Eigenvalues(), tmp_path / "model.onnx")
    assert str(told.value) == (
        "The layer 'body.1.1' (Eigenvalues) cannot be written as ONNX: there is no ONNX operator for aten.linalg_eig.default, "
        "which it uses. Choose another model or other options of it, or write this layer with operations that ONNX has; "
        "train and evaluate work without it."
    )
    assert not (tmp_path / "model.onnx").exists()


def test_the_layer_that_branches_by_what_it_computed_is_named(tmp_path: Path, capfd: Any) -> None:
    with pytest.raises(
        PipelineError, match=r"The layer 'body\.1\.1' \(Branching\) .*: it cannot be recorded \(Could not guard"
    ):
        write(Branching(), tmp_path / "model.onnx")
