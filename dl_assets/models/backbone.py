"""Any architecture of timm by its name: ResNet, VGG, Inception, MobileNet, EfficientNet, ConvNeXt, ViT and many more."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field
from torch import nn

from dl_assets import registry
from dl_assets.errors import ConfigError
from dl_assets.registry import did_you_mean

# timm is imported where it is used: that takes a second, which those who use another model should not pay.


def _known(name: str) -> str:
    import timm

    known = timm.list_models()
    if name in known:
        return name
    architecture, _, tag = name.partition(".")
    if tag and architecture in known:
        raise ValueError(f"names weights too. Write `architecture: {architecture}` and `weights: {{hub: {name}}}`")
    nearest = did_you_mean(name, known) or "."
    raise ValueError(
        f"is no architecture of timm{nearest} They are listed by: dl models backbone --like '*{architecture[:4]}*'"
    )


@registry.model(maps="image->vector")
def backbone(
    channels: int,
    outputs: int,
    size: tuple[int, int] | None = None,
    *,
    architecture: Annotated[
        str, AfterValidator(_known), Field(description="a name of timm: `dl models backbone` lists them")
    ] = "resnet18",
    stem: Annotated[
        Literal["native", "small"],
        Field(description="small keeps pictures of about 32 px from being shrunk by the first layers, as photos of 224 px are"),
    ] = "native",
    dropout: Annotated[float, Field(ge=0, lt=1, description="share of features hidden from the head in training")] = 0.0,
    drop_path: Annotated[float, Field(ge=0, lt=1, description="share of blocks left out in training, more of the later")] = 0.0,
) -> nn.Module:
    """An architecture of timm, from published weights or from scratch.

    `size` (height and width in px) is what an architecture is built for that takes one size only, such as a ViT.
    """
    options = {"num_classes": outputs, "drop_rate": dropout, "drop_path_rate": drop_path}
    changed = {name: value for name, value in options.items() if value}
    if stem == "native":
        return _create(architecture, channels, size, changed)
    return _with_small_stem(architecture, channels, size, changed)


def architectures(like: str = "*") -> list[str]:
    """Return the names that fit a pattern such as `resnet*`, all of them by default."""
    import timm

    names: list[str] = timm.list_models(like)
    return names


def made_for_px(architecture: str) -> int:
    """Return the side of the pictures that an architecture was made for."""
    from timm.models import get_pretrained_cfg

    made_for = get_pretrained_cfg(architecture)
    assert made_for is not None, "timm describes every architecture that it lists"
    return int(made_for.input_size[-1])


def published(architecture: str) -> list[str]:
    """Return the names of the weights for `weights: {hub: NAME}`, the usual one first."""
    import timm

    names: list[str] = timm.list_pretrained(f"{architecture}.*")
    return names


def _create(architecture: str, channels: int, size: tuple[int, int] | None, options: dict[str, Any]) -> nn.Module:
    import timm
    from timm.models import resolve_model_input_args

    shape = {"input_size": (channels, *size)} if size else {"in_chans": channels}
    try:
        arguments = resolve_model_input_args(architecture, shape)
        model: nn.Module = timm.create_model(**arguments, **options)
    except TypeError as error:
        refused = next((name for name in options if f"'{name}'" in str(error)), None)
        if refused is None:
            raise
        raise ConfigError(
            f"'{architecture}' has no {_WORDS[refused]}. Leave that away, or take another architecture."
        ) from error
    return model


_WORDS = {"drop_rate": "dropout", "drop_path_rate": "drop_path", "patch_size": "stem of another size"}


# ---- the first layers --------------------------------------------------------------------------------------------


def _with_small_stem(architecture: str, channels: int, size: tuple[int, int] | None, options: dict[str, Any]) -> nn.Module:
    """Let the stem shrink less: patches of a quarter of their side, or no step and no pooling at the first convolution."""
    import torch

    with torch.device("meta"), torch.random.fork_rng(devices=()):
        plan = _create(architecture, channels, None, {})
    first = next((module for module in plan.modules() if isinstance(module, nn.Conv2d)), None)
    if first is not None and first.stride == first.kernel_size and first.stride[0] > 1:
        patch = max(1, first.stride[0] // 4)
        return _create(architecture, channels, size, {**options, "patch_size": patch})
    model = _create(architecture, channels, size, options)
    _take_small_steps(architecture, model)
    return model


def _take_small_steps(architecture: str, model: nn.Module) -> None:
    name, first = next((name, layer) for name, layer in model.named_modules() if isinstance(layer, nn.Conv2d))
    if first.stride == (1, 1):
        raise ConfigError(f"the stem of '{architecture}' ({name}) does not shrink pictures. Leave `stem: small` away.")
    first.stride = (1, 1)
    for name, layer in _behind(model, first):
        if isinstance(layer, nn.MaxPool2d):
            model.set_submodule(name, nn.Identity())
            return


def _behind(model: nn.Module, first: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The layers of the stem: a pooling, if there is one, comes after at most three convolutions."""
    convolutions = 0
    for name, layer in model.named_modules():
        convolutions += isinstance(layer, nn.Conv2d)
        if convolutions > 3:
            return
        if convolutions and layer is not first:
            yield name, layer
