"""A model is built and shown one picture before anybody waits for it: it may not be able to take what there is."""

import torch
from torch import nn

from dl_assets import registry
from dl_assets.config import Choice
from dl_assets.errors import ConfigError


def build_body(model: Choice, channels: int, outputs: int, size: tuple[int, int]) -> nn.Module:
    """Build the untrained model for pictures of this height and width in px."""
    body: nn.Module = registry.find("models", model.name)(channels, outputs, size, **model.options)
    return body


def try_body(model: Choice, channels: int, outputs: int, size: tuple[int, int]) -> nn.Module:
    """Build it and show it one picture. Raises ConfigError where it cannot take pictures of this size.

    On the device `meta` (see `torch.device`) that costs nothing but the time to build it.
    """
    try:
        body = build_body(model, channels, outputs, size).eval()
        with torch.inference_mode():
            found = body(torch.zeros(1, channels, *size)).shape
    except (RuntimeError, AssertionError, ValueError) as error:  # as the layers of torch and timm complain
        raise _unfit(model, channels, size, str(error).partition("\n")[0] or type(error).__name__) from error
    if found != (1, outputs):
        raise _unfit(model, channels, size, f"it answers with {list(found)} numbers, but needed are {[1, outputs]}")
    return body.train()


def _unfit(model: Choice, channels: int, size: tuple[int, int], reason: str) -> ConfigError:
    name = model.options.get("architecture", model.name)
    return ConfigError(
        f"'{name}' cannot take pictures of {size[0]} x {size[1]} px with {channels} channel{'s' if channels != 1 else ''}: "
        f"{reason.rstrip('.')}. Take larger pictures (`clean: {{image_size: ...}}`), or another model."
    )
