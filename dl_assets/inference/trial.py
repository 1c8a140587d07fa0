"""A model is built and shown one sample before anybody waits for it: it may not be able to take what there is."""

from typing import Any

import torch
from torch import nn

from dl_assets import registry
from dl_assets.config import Choice
from dl_assets.errors import ConfigError

Told = tuple[int, Any, tuple[int, ...]]  # what `inputs/<kind>.py` tells a model, and the shape of what it is shown


def build_body(model: Choice, told: Told, outputs: int) -> nn.Module:
    """Build the untrained model for such inputs."""
    width, layout, _ = told
    body: nn.Module = registry.find("models", model.name)(width, outputs, layout, **model.options)
    return body


def try_body(model: Choice, told: Told, outputs: int) -> nn.Module:
    """Build it and show it one sample. Raises ConfigError where it cannot take such a one.

    On the device `meta` (see `torch.device`) that costs nothing but the time to build it.
    """
    shape = told[-1]
    try:
        body = build_body(model, told, outputs).eval()
        with torch.inference_mode():
            found = body(torch.zeros(1, *shape)).shape
    except (RuntimeError, AssertionError, ValueError) as error:  # as the layers of torch and timm complain
        raise _unfit(model, shape, str(error).partition("\n")[0] or type(error).__name__) from error
    if found != (1, outputs):
        raise _unfit(model, shape, f"it answers with {list(found)} numbers, but needed are {[1, outputs]}")
    return body.train()


def _unfit(model: Choice, shape: tuple[int, ...], reason: str) -> ConfigError:
    name = model.options.get("architecture", model.name)
    if len(shape) == 1:
        return ConfigError(f"'{name}' cannot take rows of {shape[0]} features: {reason.rstrip('.')}. Choose another model.")
    channels, height, width = shape
    return ConfigError(
        f"'{name}' cannot take pictures of {height} x {width} px with {channels} channel{'s' if channels != 1 else ''}: "
        f"{reason.rstrip('.')}. Take larger pictures (`clean: {{image_size: ...}}`), or another model."
    )
