"""The JSON schema of a pipeline file, with which an editor completes, explains and checks it while it is written."""

from collections.abc import Callable, Iterator
from typing import Any

from pydantic import BaseModel

from dl_assets import registry
from dl_assets.config import OPTIONAL, SECTIONS, STAGE_OPTIONS, Source, clean_options, model_base
from dl_assets.search_space import SEARCHED
from dl_assets.sections import About, Augment, Range, Tune

Schema = dict[str, Any]

_ABOUT = {
    "task": "what is learnt from what",
    "source": "where the samples come from",
    "clean": "what is decoded, and what is rejected with a reason",
    "split": "shares of the parts train, val and test",
    "augment": "random changes of the train part, in this order",
    "model": "the network and its size",
    "train": "how long and how fast the network learns",
    "evaluate": "what the report of the test part holds",
    "export": "what the ONNX file takes, how exactly it must answer as the trained model does, and a smaller one beside it",
    "promote": "when a challenger replaces the champion; without it no job does so; optional",
    "notify": "who is told of a run that fails in Dagster; optional",
    "schedule": "when the pipeline runs by itself; {} for never",
    "tune": "where `dl tune` looks for better values; optional",
    "monitor": "how drift is looked for, and what follows; without it Dagster does not look; optional",
    "owners": "whom to ask: teams such as 'team:vision', and mail addresses; optional",
    "tags": "by which Dagster finds the assets and jobs, such as domain: medicine; optional",
}


def pipeline_schema() -> Schema:
    """Return the JSON schema (draft 2020-12) of `pipelines/<name>.yaml`."""
    sections: Schema = {
        "task": {"enum": registry.names("tasks")},
        "source": {
            "oneOf": [_named("kind", name, registry.find("sources", name), Source) for name in registry.names("sources")]
        },
        "augment": _augment(),
        "model": {"oneOf": [model_schema(name) for name in registry.names("models")]},
        **{name: _or_nothing(_options(options)) for name, options in STAGE_OPTIONS.items()},
        "clean": _or_nothing(_clean()),
        "tune": _tune(),
        **_options(About)["properties"],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Pipeline of dl-assets",
        "type": "object",
        "properties": {name: {"description": _ABOUT[name], **sections[name]} for name in (*SECTIONS, *OPTIONAL)},
        "required": list(SECTIONS),
        "additionalProperties": False,
        "$defs": {"transform": {"oneOf": list(_transforms())}},
    }


def model_schema(name: str) -> Schema:
    """Return the schema of the `model` section for one model."""
    function = registry.find("models", name)
    tasks = [registry.find("tasks", task) for task in registry.names("tasks")]
    fitting = [task for task in tasks if task.maps == function.maps]
    base = model_base(*(tuple(sorted({getattr(task, kind) for task in fitting})) for kind in ("inputs", "targets")))
    return _named("name", name, function, base)


def _clean() -> Schema:
    """What any kind of input offers: which of them a file may use depends on its task, and `dl check` says so."""
    schemas = [_options(clean_options(name)) for name in registry.names("inputs")]
    return _object({name: option for schema in schemas for name, option in schema["properties"].items()}, [])


def _augment() -> Schema:
    """A preset, a list of transforms, or a mapping with one of them; what suits which kind of input, `dl check` says."""
    presets = {"enum": list(dict.fromkeys(name for module in _transform_modules() for name in module.PRESETS))}
    transforms = {"type": "array", "items": {"$ref": "#/$defs/transform"}}
    options = _options(Augment)["properties"] | {"preset": presets, "transforms": transforms}
    return {"anyOf": [presets, transforms, _object(options, []), {"type": "null"}]}


def _tune() -> Schema:
    """What may stand at a place, `dl check` knows: it tries every candidate."""
    options = _options(Tune)
    options["properties"]["space"] |= {
        "minProperties": 1,
        "propertyNames": {"pattern": f"^({'|'.join(SEARCHED)})([.]|$)"},
        "additionalProperties": {"anyOf": [{"type": "array", "minItems": 2}, _options(Range)]},
    }
    return options


def _transform_modules() -> list[Any]:
    return [registry.module("transforms", name) for name in registry.names("transforms")]


def _transforms() -> Iterator[Schema]:
    """A transform is its name alone, or its name with options."""
    offered = {name: module for module in _transform_modules() for name in module.offered()}
    yield {"enum": list(offered), "description": "a transform with its default options"}
    for name, module in offered.items():
        model = module.options_of(name)
        options = _options(model)
        if name in module.COMPOSITIONS:
            options["properties"]["transforms"]["items"] = {"$ref": "#/$defs/transform"}
        yield _object({name: {"description": _first_line(model), **_or_nothing(options)}}, [name])


def _named(key: str, name: str, function: Callable[..., Any], base: type[BaseModel]) -> Schema:
    options = _options(registry.options_of(function, base))
    schema = _object({key: {"const": name}, **options["properties"]}, [key, *options["required"]])
    return {"title": name, "description": _first_line(function), **schema}


def _options(model: type[BaseModel]) -> Schema:
    schema = _without_titles(model.model_json_schema())
    return _object(schema.get("properties", {}), schema.get("required", []))


def _object(properties: Schema, required: list[str]) -> Schema:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _or_nothing(schema: Schema) -> Schema:
    """A section that is left empty has its defaults."""
    return {**schema, "type": [schema["type"], "null"]} if not schema.get("required") else schema


def _without_titles(schema: Schema) -> Schema:
    """Drop pydantic's titles, which repeat the keys in capitals."""
    properties = {
        name: {word: value for word, value in option.items() if word != "title"}
        for name, option in schema.get("properties", {}).items()
    }
    return {**schema, "properties": properties}


def _first_line(function: Callable[..., Any]) -> str:
    return (function.__doc__ or "").strip().partition("\n")[0]
