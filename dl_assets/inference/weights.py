"""A model begins with the weights of another: what fits is taken over, what nearly fits is adapted, and every layer is told."""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from dl_assets.artifacts.report import read_json
from dl_assets.errors import ArtifactError, DataError
from dl_assets.inference.layers import head_of
from dl_assets.inference.network import CARD, CHECKPOINT
from dl_assets.inference.weights_file import read_tensors
from dl_assets.inference.weights_hub import download
from dl_assets.sections import Weights

Tensors = dict[str, Tensor]
Shape = tuple[int, ...]

LOADED, ADAPTED, FRESH, UNUSED = "loaded", "adapted", "fresh", "unused"
# A file of which less than this share of the model (without its head) can be used is the file of another model.
_MIN_SHARE = 0.1
# How many batches a norm has seen; it is taken over with the norm, and no layer of its own.
_COUNTER = "num_batches_tracked"
# What timm's functions raise on the tensors of another architecture than their own.
_FOREIGN = (LookupError, RuntimeError, ValueError, TypeError, AttributeError, AssertionError)


@dataclass(frozen=True)
class Layer:
    """What became of one tensor. `layer` is its name in the model, None where the model has nothing of the kind;
    `source` and `found` are name and shape in the source, None where that has nothing of the kind."""

    layer: str | None
    source: str | None
    found: Shape | None
    needed: Shape | None
    done: str


@dataclass(frozen=True)
class Origin:
    """Tensors, and what is known of them. `answers` are what their head answers, where it is known."""

    tensors: Tensors
    about: dict[str, str]
    answers: list[str] | None = None


@dataclass(frozen=True)
class Loaded:
    """What a model began with: `about` says where that came from, `layers` what was done."""

    about: dict[str, str]
    layers: list[Layer]

    @property
    def counts(self) -> dict[str, int]:
        """Number of layers that were loaded, adapted, fresh and unused."""
        done = Counter(layer.done for layer in self.layers)
        return {what: done[what] for what in (LOADED, ADAPTED, FRESH, UNUSED)}

    def as_json(self) -> dict[str, Any]:
        """Return what `model/weights.json` holds."""
        return {"from": self.about, "counts": self.counts, "layers": [asdict(layer) for layer in self.layers]}


def load_weights(body: nn.Module, weights: Weights, answers: Sequence[str] | None = None) -> Loaded:
    """Let `body` begin with these weights, and return layer by layer what was done; nothing, where the weights are `none`.

    A first convolution for another number of channels is adapted as timm does it (summed or repeated, and scaled), and
    timm's own models adapt what they know how to, such as the positions of a ViT. A head of another shape, or one of
    another pipeline that answers something else than `answers` (classes, say), stays fresh.
    """
    if weights == Weights():
        return Loaded({}, [])
    origin = _origin(weights)
    loaded = Loaded(origin.about, fit_in(body, origin, answers))
    _require_fit(body, loaded, origin)
    return loaded


def _origin(weights: Weights) -> Origin:
    if weights.pipeline is not None and weights.place is not None:
        return _of_pipeline(weights.pipeline, Path(weights.place))
    if weights.hub is not None:
        path = download(weights.hub)
        tensors, sha256 = read_tensors(path)
        return Origin(tensors, {"hub": weights.hub, "file": path.name, "sha256": sha256})
    assert weights.file is not None
    tensors, sha256 = read_tensors(Path(weights.file), weights.sha256)
    return Origin(tensors, {"file": weights.file, "sha256": sha256})


def _of_pipeline(name: str, folder: Path) -> Origin:
    if not (folder / CHECKPOINT).is_file():
        raise ArtifactError(
            f"{folder / CHECKPOINT} does not exist, and the weights come from there. Make it first: dl run {name}"
        )
    tensors, sha256 = read_tensors(folder / CHECKPOINT)
    body = {key.removeprefix("body."): tensor for key, tensor in tensors.items() if key.startswith("body.")}
    return Origin(body, {"pipeline": name, "sha256": sha256}, read_json(folder / CARD).get("classes"))


# ---- what fits where -------------------------------------------------------------------------------------------


def fit_in(body: nn.Module, origin: Origin, answers: Sequence[str] | None = None) -> list[Layer]:
    """Copy what fits into `body`, and return what was done with each of its tensors, then what was left over."""
    needed: Tensors = body.state_dict()
    prefix = _prefix(origin.tensors, needed)
    named = {key.removeprefix(prefix): tensor for key, tensor in origin.tensors.items() if key.startswith(prefix)}
    ready = _converted(body, named)
    head = set(head_of(body)) if _answers_else(origin, answers) else set()
    first = _first_convolution(body)

    layers, chosen = [], {}
    for name, own in needed.items():
        tensor = ready.get(name) if name not in head else None
        if tensor is not None and tensor.shape != own.shape and name == first:
            tensor = _for_channels(tensor, own)
        if tensor is not None and tensor.shape == own.shape:
            chosen[name] = tensor
        layers.append(_told(name, prefix + name, named.get(name, ready.get(name)), own, name in chosen))
    layers += [_unused(prefix + key, tensor) for key, tensor in ready.items() if key not in needed]
    layers += [_unused(key, tensor) for key, tensor in origin.tensors.items() if not key.startswith(prefix)]
    body.load_state_dict(chosen, strict=False)
    return [layer for layer in layers if not (layer.layer or layer.source or "").endswith(_COUNTER)]


def _told(name: str, key: str, source: Tensor | None, own: Tensor, is_chosen: bool) -> Layer:
    if source is None:
        return Layer(name, None, None, tuple(own.shape), FRESH)
    done = FRESH if not is_chosen else LOADED if source.shape == own.shape else ADAPTED
    return Layer(name, key, tuple(source.shape), tuple(own.shape), done)


def _unused(key: str, tensor: Tensor) -> Layer:
    return Layer(None, key, tuple(tensor.shape), None, UNUSED)


def _prefix(tensors: Tensors, needed: Tensors) -> str:
    """Return what stands before most of the names that the model knows: `module.`, say, or `network.body.`."""
    found: Counter[str] = Counter()
    for key in tensors:
        parts = key.split(".")
        for start in range(len(parts)):
            if ".".join(parts[start:]) in needed:
                found[".".join([*parts[:start], ""])] += 1
                break
    return found.most_common(1)[0][0] if found else ""


def _converted(body: nn.Module, named: Tensors) -> Tensors:
    """Let timm rename and resize what it knows of the published weights of this architecture."""
    module = sys.modules[type(body).__module__]
    convert = getattr(module, "checkpoint_filter_fn", None) if hasattr(body, "pretrained_cfg") else None
    if convert is None:
        return named
    try:
        return dict(convert(dict(named), body))
    except _FOREIGN:
        return named  # of another architecture; how little of it fits is told by its layers


def _answers_else(origin: Origin, answers: Sequence[str] | None) -> bool:
    return origin.answers is not None and answers is not None and list(answers) != origin.answers


def _first_convolution(body: nn.Module) -> str | None:
    return next((f"{name}.weight" for name, module in body.named_modules() if isinstance(module, nn.Conv2d)), None)


def _for_channels(tensor: Tensor, own: Tensor) -> Tensor:
    """Return the weights [D, C, K, K] of a first convolution for another number of input channels; others as they are."""
    if tensor.ndim != 4 or (*tensor.shape[:1], *tensor.shape[2:]) != (*own.shape[:1], *own.shape[2:]):
        return tensor
    from timm.models import adapt_input_conv

    adapted: Tensor = adapt_input_conv(own.shape[1], tensor.clone(), base_chans=tensor.shape[1])
    return adapted


def _require_fit(body: nn.Module, loaded: Loaded, origin: Origin) -> None:
    head = set(head_of(body))
    sizes = {name: parameter.numel() for name, parameter in body.named_parameters() if name not in head}
    used = [layer.layer for layer in loaded.layers if layer.done in (LOADED, ADAPTED)]
    share = sum(sizes.get(name or "", 0) for name in used) / max(1, sum(sizes.values()))
    if share >= _MIN_SHARE:
        return
    where = ", ".join(f"{key} {value}" for key, value in origin.about.items() if key != "sha256")
    raise DataError(
        f"model.weights ({where}) are of another model: they fit {share:.0%} of this one's parameters. They begin with "
        f"{_examples(origin.tensors)}; the model begins with {_examples(body.state_dict())}. "
        "Take weights of the same architecture and width, or `weights: none`."
    )


def _examples(tensors: Tensors) -> str:
    return ", ".join(f"{name} {list(tensor.shape)}" for name, tensor in list(tensors.items())[:2]) or "nothing"
