"""Which models there are: what they fit, how large they are, which options they have, and which architectures."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.columns import Columns
from rich.console import Console
from rich.table import Table

from dl_assets import registry
from dl_assets.config import PIPELINES, scan_pipelines
from dl_assets.errors import ConfigError
from dl_assets.operations.promotion.show import print_promotions
from dl_assets.schema import model_schema

# What a model is built for when its parameters are counted.
CHANNELS, OUTPUTS, SIDE_PX = 3, 10, 64
# Counting the parameters of an architecture means to build it, which takes a fraction of a second for each.
_MAX_COUNTED = 12
_PICTURES = f"built for {CHANNELS} channels, {OUTPUTS} outputs, {SIDE_PX} x {SIDE_PX} px"
_NUMBERS, _BINS, _CATEGORIES, _WORDS = 10, 32, 5, 8
_REFERENCE = (
    f"{_PICTURES}; those of tables for {_NUMBERS} numbers of {_BINS} bins and {_CATEGORIES} categories of {_WORDS} words"
)


def print_models(name: str | None, like: str | None, as_json: bool, root: Path = Path()) -> None:
    """Print all models; of one its options, or, with a pattern, its architectures that fit; of a pipeline its promotions."""
    pipelines = list(scan_pipelines(root)[0]) if name is not None and (root / PIPELINES).is_dir() else []
    if like is None and name in pipelines:
        print_promotions(name, root / "data" / name, as_json=as_json)
    elif like is not None:
        _print_architectures(name or "backbone", like, as_json)
    elif name is None:
        _print_all([_model(one) for one in registry.names("models")], as_json)
    else:
        _require_known(name, pipelines)
        _print_one(_model(name), as_json)


def _require_known(name: str, pipelines: list[str]) -> None:
    known = registry.names("models")
    if name not in known:
        others = f"; pipelines, whose promotions are listed: {', '.join(pipelines)}" if pipelines else ""
        raise ConfigError(
            f"model '{name}' is not known{registry.did_you_mean(name, [*known, *pipelines]) or '.'} "
            f"Models: {', '.join(known)}{others}."
        )


def _model(name: str) -> dict[str, Any]:
    function = registry.find("models", name)
    tasks = [task for task in registry.names("tasks") if registry.find("tasks", task).maps == function.maps]
    schema = model_schema(name)
    about = schema["description"]
    options = {key: option for key, option in schema["properties"].items() if key != "name"}
    return {
        "name": name,
        "about": about,
        "maps": function.maps,
        "tasks": tasks,
        "parameters": _num_parameters(name, {}),
        "options": options,
    }


def _num_parameters(name: str, options: dict[str, Any], side_px: int = SIDE_PX) -> int:
    import torch

    function = registry.find("models", name)
    width, layout = (CHANNELS, (side_px, side_px)) if function.maps.startswith("image->") else _columns()
    with torch.device("meta"):
        body = function(width, OUTPUTS, layout, **options)
    return sum(parameter.numel() for parameter in body.parameters())


def _columns() -> tuple[int, Any]:
    """Return the features of a table as `inputs/table.py` tells a model of them."""
    number = {"kind": "number", "scale": "piecewise", "edges": range(_BINS + 1), "has_missing": False}
    category = {"kind": "category", "words": range(_WORDS), "has_missing": False}
    fitted = {"columns": [{**one, "name": ""} for one in [number] * _NUMBERS + [category] * _CATEGORIES]}
    width, layout, _ = registry.module("inputs", "table").told(fitted)
    return width, layout


def _print_all(models: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print(json.dumps({"reference": _REFERENCE, "models": models}, indent=2))
        return
    table = _table("model", "maps", "fits", "parameters", "what it is")
    for model in models:
        table.add_row(model["name"], model["maps"], "\n".join(model["tasks"]), f"{model['parameters']:,}", model["about"])
    console = _console()
    console.print(table)
    console.print(f"\nParameters with default options, {_REFERENCE}.")
    console.print("Options: dl models NAME. Architectures: dl models backbone --like 'resnet*'")


def _print_one(model: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps({"reference": _REFERENCE, **model}, indent=2))
        return
    console = _console()
    console.print(f"{model['name']}: {model['about']}")
    console.print(f"Maps {model['maps']}. Fits: {', '.join(model['tasks'])}.")
    console.print(f"{model['parameters']:,} parameters with default options, {_REFERENCE}.\n")
    table = _table("option", "default", "allowed", "meaning")
    for name, option in model["options"].items():
        default = json.dumps(option["default"]).strip('"') if "default" in option else "needed"
        table.add_row(name, default, _allowed(option), option.get("description", ""))
    console.print(table)


def _allowed(option: dict[str, Any]) -> str:
    """Say which values an option may have.

    >>> _allowed({"type": "integer", "minimum": 1, "maximum": 5}), _allowed({"minimum": 0, "exclusiveMaximum": 1})
    ('1 to 5', '0 to below 1')
    >>> _allowed({"enum": ["max", "none"]}), _allowed({"type": "boolean"})
    ('max, none', 'true, false')
    """
    if "enum" in option:
        return ", ".join(map(str, option["enum"]))
    if "const" in option:
        return str(option["const"])
    for several in ("anyOf", "oneOf"):
        if several in option:
            return "; ".join(_allowed(one) for one in option[several])
    if "minimum" in option:
        bound = option.get("maximum", f"below {option.get('exclusiveMaximum')}")
        return f"{option['minimum']:g} to {bound}"
    if option["type"] == "object":
        return "{" + ", ".join(f"{key}: ..." for key in option["properties"]) + "}"
    if option["type"] == "array":
        return f"list of {_allowed(option['items'])}"
    return {"boolean": "true, false", "string": "text"}.get(option["type"], str(option["type"]))


# ---- architectures ---------------------------------------------------------------------------------------------


def _print_architectures(name: str, like: str, as_json: bool) -> None:
    module = registry.module("models", name)
    if not hasattr(module, "architectures"):
        raise ConfigError(f"model '{name}' has no architectures to choose from. Its options: dl models {name}")
    found = module.architectures(like)
    if not found:
        raise ConfigError(f"no architecture fits '{like}'. Patterns are like 'resnet*' or '*vit*'; '*' lists all.")
    if as_json:
        print(json.dumps({"reference": _REFERENCE, "architectures": list(_described(module, found))}, indent=2))
        return
    console = _console()
    if len(found) > _MAX_COUNTED:
        console.print(Columns(found, column_first=True, padding=(0, 2)))
        console.print(f"\n{len(found)} architectures. A narrower pattern shows parameters and published weights.")
        return
    table = _table("architecture", "parameters", "made for", "published weights: {hub: ...}")
    for one in _described(module, found):
        table.add_row(one["name"], f"{one['parameters']:,}", f"{one['made_for_px']} px", "\n".join(one["weights"]) or "none")
    console.print(table)
    console.print(f"\nParameters: {CHANNELS} channels, {OUTPUTS} outputs, at the size it is made for.")


def _described(module: Any, names: list[str]) -> Iterator[dict[str, Any]]:
    for name in names:
        made_for = module.made_for_px(name)
        counted = (
            {"parameters": _num_parameters("backbone", {"architecture": name}, made_for)} if len(names) <= _MAX_COUNTED else {}
        )
        yield {"name": name, **counted, "made_for_px": made_for, "weights": module.published(name)}


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold", justify="right" if title == "parameters" else "left")
    return table


def _console() -> Console:
    return Console(highlight=False, markup=False)
