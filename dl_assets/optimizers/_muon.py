"""Muon as an optimizer of torch."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.optim import AdamW

_STEPS = 5
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # chosen by Jordan for a fast approach from small singular values
_LIKE_ADAM = 0.2  # root mean square of what AdamW changes, in units of its learning rate (Liu et al., 2025)


class Muon(AdamW):
    """Changes every matrix by a momentum whose singular values were all brought near 1; everything else as AdamW does.

    Kernels of convolutions are matrices [outputs, inputs * height * width]. Ours, and not that of torch or timm, because
    both compute in bfloat16, which takes 20 to 40 times as long on a processor without instructions for it.
    """

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        with torch.no_grad():
            for group in self.param_groups:
                for parameter in group["params"]:
                    if parameter.ndim > 1 and parameter.grad is not None:
                        self._change(parameter, group)
                        parameter.grad = None  # so that AdamW passes it over
        super().step()
        return loss

    def _change(self, parameter: Tensor, group: dict[str, Any]) -> None:
        gradient, kept, momentum = parameter.grad, self.state[parameter], group["betas"][0]
        assert gradient is not None
        if not kept:  # by the names of AdamW, which looks at them when a state is loaded
            kept["step"], kept["exp_avg"] = torch.zeros(()), torch.zeros_like(gradient)
        kept["step"] += 1
        kept["exp_avg"].lerp_(gradient, 1 - momentum)
        matrix = gradient.lerp(kept["exp_avg"], momentum).flatten(1)  # ahead along the momentum, as Nesterov does
        change = orthogonal(matrix).view_as(gradient)
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        parameter.sub_(change, alpha=group["lr"] * _LIKE_ADAM * math.sqrt(max(matrix.shape)))


def orthogonal(matrix: Tensor) -> Tensor:
    """Return [M, N] with the same singular vectors, whose singular values lie between about 0.7 and 1.2.

    Newton-Schulz iterations of the fifth degree (Jordan, Muon: an optimizer for hidden layers in neural networks, 2024). Each
    is a factor from the left, a polynomial of the matrix times its transpose. So what is iterated is that small product, and
    the long matrix is multiplied twice in place of 15 times: 0.4 of the time for a kernel of 3 x 3, 1.4 for a square.
    """
    a, b, c = _COEFFICIENTS
    found = (matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T).float()
    found = found / (found.norm() + 1e-7)
    square, factor = found @ found.T, torch.eye(len(found), device=found.device)
    for _ in range(_STEPS):
        change = torch.addmm(square, square, square, beta=b, alpha=c)  # all of these commute: they have the same eigenvectors
        change.diagonal().add_(a)
        square, factor = change @ square @ change, change @ factor
    found = factor.mm(found)
    return found if matrix.shape[0] <= matrix.shape[1] else found.T
