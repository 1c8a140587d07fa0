"""The JSON schema of a pipeline file, with which an editor completes, explains and checks it while it is written."""

from collections.abc import Callable, Iterator
from typing import Any

from pydantic import BaseModel

from dl_assets import registry
from dl_assets.config import SECTIONS, STAGE_OPTIONS

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
    "export": "how exactly the ONNX file must answer as the trained model does",
    "schedule": "when the pipeline runs by itself; {} for never",
}


def pipeline_schema() -> Schema:
    """Return the JSON schema (draft 2020-12) of `pipelines/<name>.yaml`."""
    sections: Schema = {
        "task": {"enum": registry.names("tasks")},
        "source": {"oneOf": [_named("kind", name, registry.find("sources", name)) for name in registry.names("sources")]},
        "augment": _or_nothing({"type": "array", "items": {"oneOf": list(_transforms())}}),
        "model": {"oneOf": [_named("name", name, registry.find("models", name)) for name in registry.names("models")]},
        **{name: _or_nothing(_options(options)) for name, options in STAGE_OPTIONS.items()},
        "clean": _or_nothing(_clean()),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Pipeline of dl-assets",
        "type": "object",
        "properties": {name: {"description": _ABOUT[name], **sections[name]} for name in SECTIONS},
        "required": list(SECTIONS),
        "additionalProperties": False,
    }


def _clean() -> Schema:
    """What any kind of input offers: which of them a file may use depends on its task, and `dl check` says so."""
    schemas = [
        _options(registry.options_of(registry.module("inputs", name).clean, STAGE_OPTIONS["clean"]))
        for name in registry.names("inputs")
    ]
    return _object({name: option for schema in schemas for name, option in schema["properties"].items()}, [])


def _transforms() -> Iterator[Schema]:
    """A transform is its name alone, or its name with options."""
    offered = {
        name: function
        for inputs in registry.names("transforms")
        for name, function in registry.functions("transforms", inputs).items()
    }
    yield {"enum": list(offered), "description": "a transform with its default options"}
    for name, function in offered.items():
        options = _or_nothing(_options(registry.options_of(function)))
        yield _object({name: {"description": _first_line(function), **options}}, [name])


def _named(key: str, name: str, function: Callable[..., Any]) -> Schema:
    options = _options(registry.options_of(function))
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
