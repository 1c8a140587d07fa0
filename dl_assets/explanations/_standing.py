"""What is explained of an answer among several classes: how far it stands out."""

from torch import Tensor, nn


class Standing(nn.Module):
    """How far the output of each class stands above the mean of all, [B, C]; one output alone is left as it is."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self._body = body

    def forward(self, features: Tensor) -> Tensor:
        outputs: Tensor = self._body(features)
        return outputs - outputs.mean(dim=1, keepdim=True) if outputs.shape[1] > 1 else outputs
