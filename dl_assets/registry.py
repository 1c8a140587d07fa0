"""Finds tasks, inputs, checks, targets, models, losses, optimizers, schedulers, sources and transforms by their folder.

The rule: `dl_assets/models/cnn.py` defines a function `cnn`, and its keyword-only arguments are the options
that the YAML may set. A new file is a new name; nothing else has to be registered.
"""

import difflib
import functools
import importlib
import inspect
import typing
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, create_model

from dl_assets.errors import ConfigError

PACKAGE = Path(__file__).parent

F = TypeVar("F", bound=Callable[..., Any])


class Options(BaseModel):
    """Options of one function, as the YAML may give them."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def names(folder: str) -> list[str]:
    """Names of all tasks (`folder="tasks"`), models, sources, ... that exist."""
    return sorted(path.stem for path in (PACKAGE / folder).glob("*.py") if not path.stem.startswith("_"))


def module(folder: str, name: str) -> ModuleType:
    """Import `dl_assets.<folder>.<name>`. Raises ConfigError with the nearest name where there is none."""
    known = names(folder)
    if name not in known:
        raise ConfigError(
            f"{folder.removesuffix('s')} '{name}' is not known{did_you_mean(name, known) or '.'} "
            f"Choose one of: {', '.join(known)}."
        )
    return importlib.import_module(f"dl_assets.{folder}.{name}")


def find(folder: str, name: str) -> Any:
    """Return what the file `dl_assets/<folder>/<name>.py` is named after."""
    return getattr(module(folder, name), name)


def model(*, maps: str) -> Callable[[F], F]:
    """Say what a model maps, e.g. `image->vector`, so that it is offered to the tasks it fits."""

    def mark(function: F) -> F:
        function.maps = maps  # type: ignore[attr-defined]
        return function

    return mark


def loss(*, fits: str) -> Callable[[F], F]:
    """Say for which kind of target a loss is, e.g. `classes`."""

    def mark(function: F) -> F:
        function.fits = fits  # type: ignore[attr-defined]
        return function

    return mark


def check(*, default: str) -> Callable[[F], F]:
    """Say what becomes of the samples that a check finds where the YAML does not: `reject`, `flag` or `off`."""

    def mark(function: F) -> F:
        function.default_action = default  # type: ignore[attr-defined]
        return function

    return mark


@functools.cache
def options_of(function: Callable[..., Any], base: type[BaseModel] = Options) -> type[BaseModel]:
    """Turn the keyword-only arguments of `function` into a strict pydantic model (on top of `base`).

    >>> def rotate(size: int, *, limit: float = 10.0) -> None: ...
    >>> options_of(rotate)()
    rotate(limit=10.0)
    """
    parameters = {
        name: parameter
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    # Only the options' own annotations: the others may name libraries that are imported for type checkers alone.
    annotations = SimpleNamespace(__annotations__={name: parameter.annotation for name, parameter in parameters.items()})
    hints = typing.get_type_hints(annotations, globalns=getattr(function, "__globals__", {}), include_extras=True)
    fields: dict[str, Any] = {
        name: (hints[name], ... if parameter.default is parameter.empty else parameter.default)
        for name, parameter in parameters.items()
    }
    with warnings.catch_warnings():
        # An option may be called `schema`, as a method of pydantic was once.
        warnings.filterwarnings("ignore", message=r"Field name \"\w+\" in .* shadows an attribute in parent")
        return create_model(function.__name__, __base__=base, __doc__=inspect.getdoc(function), **fields)


def nearest(found: object, known: Iterable[str]) -> str | None:
    """Return the known name that is most like `found`, if one is like it at all.

    >>> nearest("Trian", ["train", "test"])
    'train'
    """
    by_lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(str(found).lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[close[0]] if close else None


def did_you_mean(found: object, known: Iterable[str]) -> str:
    """Return `, did you mean 'x'?` for the nearest known name, or nothing."""
    name = nearest(found, known)
    return f", did you mean '{name}'?" if name else ""
