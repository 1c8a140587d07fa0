"""The last map of features of a network, on which Grad-CAM is drawn."""

from collections import Counter
from typing import Any

import torch
from torch import Tensor, nn


@torch.no_grad()
def last_map(body: nn.Module, shown: Tensor) -> nn.Module | None:
    """Return the module that gives the smallest map [B, C, H, W] of more than one place, the last of them.

    None where there is no such map, as in a transformer: what is worked out there about a part of the picture may stand
    at any token. `shown` is one preprocessed picture, [1, C, H, W].
    """
    calls = _calls(body, shown)
    times = Counter(id(module) for module, _ in calls)
    areas = {
        place: shape[2] * shape[3] for place, (_, shape) in enumerate(calls) if len(shape) == 4 and shape[2] * shape[3] > 1
    }
    found = [place for place, area in areas.items() if area == min(areas.values()) and times[id(calls[place][0])] == 1]
    # timm says so where channels come last, and a map would be taken for something else.
    if not found or getattr(body, "output_fmt", "NCHW") != "NCHW":
        return None
    has_tokens = any(len(shape) == 3 for _, shape in calls[found[-1] :])
    return None if has_tokens else calls[found[-1]][0]


def _calls(body: nn.Module, shown: Tensor) -> list[tuple[nn.Module, torch.Size]]:
    """Return every module with the shape of what it gives, in the order in which they are done."""
    calls: list[tuple[nn.Module, torch.Size]] = []

    def note(module: nn.Module, _: Any, output: Any) -> None:
        if isinstance(output, Tensor):
            calls.append((module, output.shape))

    hooks = [module.register_forward_hook(note) for module in body.modules() if module is not body]
    try:
        body(shown)
    finally:
        for hook in hooks:
            hook.remove()
    return calls
