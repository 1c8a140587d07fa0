"""What albumentations offers, by its own names and arguments. The only module that knows the library."""

import copy
import functools
import importlib.metadata
import inspect
import re
import types
import warnings
from collections.abc import Callable
from random import Random
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, create_model

from dl_assets.registry import Options

Size = tuple[int, int]  # height and width in px

_NO_CHANGE = ("BasicTransform", "DualTransform", "ImageOnlyTransform", "Lambda", "NoOp")
_SIZES = ("size", "height", "width")
_FLIPS = {"HorizontalFlip": 1, "VerticalFlip": 0}  # OpenCV's codes


class OneOf(Options):
    """Apply one of the transforms, chosen by their `p`."""

    transforms: Annotated[list[Any], Field(min_length=1)]
    p: Annotated[float, Field(ge=0, le=1)] = 0.5


class SomeOf(Options):
    """Apply `n` of the transforms, in their order."""

    transforms: Annotated[list[Any], Field(min_length=1)]
    n: Annotated[int, Field(ge=1)] = 1
    replace: bool = False
    p: Annotated[float, Field(ge=0, le=1)] = 1.0


class Sequential(OneOf):
    """Apply all of the transforms, or none."""


COMPOSITIONS: dict[str, type[Options]] = {"OneOf": OneOf, "SomeOf": SomeOf, "Sequential": Sequential}


class Change:
    """A transform as a function of one picture, uint8 [H, W, C]."""

    def __init__(self, name: str, options: dict[str, Any]) -> None:
        self._transform = _build(name, options)
        self.p = float(self._transform.p)
        self._is_composition = name in COMPOSITIONS

    def __call__(self, picture: NDArray[np.uint8], *, force_apply: bool = False) -> NDArray[np.uint8]:
        # What albumentations' own call comes to for one picture; its way there costs some microseconds a transform.
        transform, data = self._transform, {"image": picture}
        if self._is_composition:
            return transform(image=picture, force_apply=force_apply)["image"]  # type: ignore[no-any-return]
        if not transform.should_apply(force_apply):
            return picture
        params = transform.update_transform_params(transform.get_params(), data)
        params.update(transform.get_params_dependent_on_data(params, data))
        changed: NDArray[np.uint8] = transform.apply(picture, **params)
        if isinstance(changed, np.ndarray) and not changed.flags.c_contiguous:
            changed = np.ascontiguousarray(changed)
        return changed

    def set_random_state(self, generator: Any, python: Random) -> None:
        self._transform.set_random_state(generator, python)

    def needs(self) -> list[str]:
        """Return what the transform must be given beside the picture."""
        return sorted(set(getattr(self._transform, "targets_as_params", ())) - {"image"})


class Flip(Change):
    """A flip on the same draw, past what the library does around it."""

    def __init__(self, name: str, options: dict[str, Any]) -> None:
        import cv2

        super().__init__(name, options)
        self._flip, self._code = cv2.flip, _FLIPS[name]

    def __call__(self, picture: NDArray[np.uint8], *, force_apply: bool = False) -> NDArray[np.uint8]:
        if not self._transform.should_apply(force_apply):
            return picture
        flipped: NDArray[Any] = self._flip(picture, self._code)
        return flipped.reshape(picture.shape)  # [H, W] -> [H, W, 1] where there is one channel


def change(name: str, options: dict[str, Any]) -> Change:
    """Build a transform. Raises ValueError or TypeError where it refuses its arguments."""
    return Flip(name, options) if name in _FLIPS else Change(name, options)


@functools.cache
def classes() -> dict[str, Any]:
    """Return name -> class of everything that changes a flat picture, or chooses among such changes."""
    import albumentations

    # Advice to people who write Python, such as that one transform is a special case of another.
    warnings.filterwarnings("ignore", category=UserWarning, module=rf"albumentations\b|albucore\b|{re.escape(__name__)}$")
    transforms = {
        name: value
        for name, value in sorted(vars(albumentations).items())
        if inspect.isclass(value)
        and issubclass(value, albumentations.BasicTransform)
        and not issubclass(value, albumentations.Transform3D)
        and name not in _NO_CHANGE
    }
    return transforms | {name: getattr(albumentations, name) for name in COMPOSITIONS}


def version() -> str:
    return importlib.metadata.version("albumentations")


@functools.cache
def options_of(name: str, size: Size | None) -> type[BaseModel]:
    """Return the strict pydantic model of a transform's arguments: its own types, bounds and rules, with its defaults.

    albumentations itself only warns of an argument that it does not know. A `size`, `height` or `width` that it needs is by
    default that of the pictures.
    """
    if name in COMPOSITIONS:
        return COMPOSITIONS[name]
    function = classes()[name]
    base = _strict(function.InitSchema)
    fields: dict[str, Any] = {}
    for key, default in _defaults(function, size).items():
        if key in base.model_fields:
            field = copy.copy(base.model_fields[key])
            if default is not inspect.Parameter.empty:
                field.default = default
            fields[key] = (field.annotation, field)
    return create_model(name, __base__=base, __doc__=_first_line(function), **fields)


def complete(name: str, options: dict[str, Any], size: Size) -> dict[str, Any]:
    """Return every argument of a transform as JSON types, the defaults too."""
    if name in COMPOSITIONS:
        entries = [{inner: complete(inner, own, size)} for entry in options["transforms"] for inner, own in entry.items()]
        return COMPOSITIONS[name](**options).model_dump() | {"transforms": entries}
    defaults = {key: value for key, value in _defaults(classes()[name], size).items() if not callable(value)}
    return {key: list(value) if isinstance(value, tuple) else value for key, value in (defaults | options).items()}


def _build(name: str, options: dict[str, Any]) -> Any:
    if name in COMPOSITIONS:
        options = options | {"transforms": [_build(*one) for entry in options["transforms"] for one in entry.items()]}
    transform = classes()[name](**options)
    if name == "ColorJitter":
        from dl_assets.transforms._image.colours import quicker  # itself imports the library, which takes a second

        transform.transforms = quicker(transform.transforms)
    return transform


def _strict(schema: type[BaseModel]) -> type[BaseModel]:
    """Derive from an InitSchema without its field `strict`, which is no argument of the transform."""
    config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, validate_default=True)
    body = {"__annotations__": {"strict": ClassVar[bool]}, "strict": False, "model_config": config, "__module__": __name__}
    derived: type[BaseModel] = types.new_class(schema.__name__, (schema,), exec_body=lambda namespace: namespace.update(body))
    return derived


def _defaults(function: Callable[..., Any], size: Size | None) -> dict[str, Any]:
    """Return every argument with its default, or `Parameter.empty` where there is none."""
    found = {}
    for key, parameter in inspect.signature(function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD) or key == "strict":
            continue
        default = parameter.default
        if default is parameter.empty and key in _SIZES:
            default = dict(zip(_SIZES, (size, *size), strict=True))[key] if size else None
        found[key] = [] if default == () else default
    return found


def _first_line(function: Callable[..., Any]) -> str:
    return (inspect.getdoc(function) or "").strip().partition("\n")[0]
